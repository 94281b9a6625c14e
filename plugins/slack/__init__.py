"""The notifier for Slack: one message for each deployment, changed as it goes on."""
