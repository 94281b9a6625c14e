"""Releases."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Release


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    list_display = ("id", "image", "commit_link", "target_link", "digest", "published_at", "job_link")
    list_filter = (("digest", admin.EmptyFieldListFilter), "published_at", "target__recipe__repository")
    list_select_related = ("commit", "target", "job")
    search_fields = ("image", "digest", "commit__hash")

    @admin.display(description="commit")
    def commit_link(self, release: Release) -> str:
        return link(release.commit)

    @admin.display(description="target")
    def target_link(self, release: Release) -> str:
        return link(release.target)

    @admin.display(description="job")
    def job_link(self, release: Release) -> str:
        return link(release.job)
