"""A notifier for Matrix: one message for each deployment, edited as it goes on."""
