"""Links to the source's own pages."""

from __future__ import annotations

from core.errors import DeployerError
from core.models import Repository
from core.pipeline.inventory import page_url
from core.plugins import plugins
from core.services.places import repository_place


def compare_url(repository: Repository, old: str, new: str) -> str:
    """A page about what changed between two commits; empty where there is none, or the source's plugin is missing."""
    try:
        return page_url(plugins.source(repository.source).compare_url(repository_place(repository), old, new))
    except DeployerError:
        return ""


def commit_url(repository: Repository, commit: str) -> str:
    """A page about a commit where its source has one; empty where it has none, or the source's plugin is missing."""
    try:
        return page_url(plugins.source(repository.source).commit_url(repository_place(repository), commit))
    except DeployerError:
        return ""
