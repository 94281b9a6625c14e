"""The admin screens, one module a noun. Django finds this package by its name and imports it."""

from core.admin import (
    activities,
    builds,
    commits,
    deployments,
    flavours,
    inputs,
    jobs,
    messages,
    recipes,
    refs,
    releases,
    repositories,
    rollbacks,
    runners,
    services,
    targets,
)

__all__ = [
    "activities",
    "builds",
    "commits",
    "deployments",
    "flavours",
    "inputs",
    "jobs",
    "messages",
    "recipes",
    "refs",
    "releases",
    "repositories",
    "rollbacks",
    "runners",
    "services",
    "targets",
]
