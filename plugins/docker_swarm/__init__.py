"""Moves services of Docker Swarm to releases, and tells what they run."""
