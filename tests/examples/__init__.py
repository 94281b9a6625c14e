"""The packages in `examples/`: each is installed as a stranger would, and does its work on the real thing."""
