"""The demo: a sample repository served as plain Git, and the demo flavour that keeps it deployed."""
