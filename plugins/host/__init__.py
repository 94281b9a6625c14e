"""Builds by a command, and runs services, on the host that the runner is on."""
