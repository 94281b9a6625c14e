"""Commits."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Commit


@admin.register(Commit)
class CommitAdmin(ReadOnlyAdmin):
    list_display = ("short", "title", "author", "committed_at", "repository_link")
    list_filter = ("repository__flavour", "repository", "committed_at")
    list_select_related = ("repository",)
    search_fields = ("hash", "message", "author")
    ordering = ("-id",)

    @admin.display(description="repository", ordering="repository__name")
    def repository_link(self, commit: Commit) -> str:
        return link(commit.repository)
