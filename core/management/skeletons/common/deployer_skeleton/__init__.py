"""A plugin of the deployer."""
