"""Runs compose projects on Docker engines, from a template, for Caddy sites, and on AWS ECS."""
