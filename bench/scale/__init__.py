"""A simulated deployer of any size, and what it costs: `make scale`."""
