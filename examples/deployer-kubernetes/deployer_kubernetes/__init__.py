"""Moves Deployments of Kubernetes to releases."""
