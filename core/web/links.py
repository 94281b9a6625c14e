"""Links to the source's own pages."""

from __future__ import annotations

from core.errors import DeployerError
from core.models import Repository
from core.plugins import plugins
from core.services.places import repository_place


def commit_url(repository: Repository, commit: str) -> str:
    """A page about a commit where its source has one; empty where it has none, or the source's plugin is missing."""
    try:
        return plugins.source(repository.source).commit_url(repository_place(repository), commit)
    except DeployerError:
        return ""
