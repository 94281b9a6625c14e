"""A plugin whose source, builder and deployer are simulated in files, with the times that real ones take."""
