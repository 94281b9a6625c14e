"""Albatross: unikernels on a host that runs albatrossd, by its own protocol."""
