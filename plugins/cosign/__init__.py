"""Deploys only images that somebody signed with cosign."""
