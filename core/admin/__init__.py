"""The admin screens, one module a noun. Django finds this package by its name and imports it."""

from django.contrib import admin

from core.admin import (
    activities,
    builds,
    commits,
    deliveries,
    deployments,
    flavours,
    holds,
    inputs,
    jobs,
    log_rules,
    messages,
    people,
    plugins,
    recipes,
    refs,
    releases,
    repositories,
    rollbacks,
    runners,
    services,
    targets,
    tokens,
    users,
)

__all__ = [
    "activities",
    "builds",
    "commits",
    "deliveries",
    "deployments",
    "flavours",
    "holds",
    "inputs",
    "jobs",
    "log_rules",
    "messages",
    "people",
    "plugins",
    "recipes",
    "refs",
    "releases",
    "repositories",
    "rollbacks",
    "runners",
    "services",
    "targets",
    "tokens",
    "users",
]

admin.site.site_header = admin.site.site_title = "Deployer"
admin.site.index_title = "What is declared, and what was done"
