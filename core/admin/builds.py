"""Builds."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Build


@admin.register(Build)
class BuildAdmin(ReadOnlyAdmin):
    list_display = ("id", "recipe", "commit_link", "purpose", "platform", "trusted", "state", "job_link", "created_at")
    list_filter = ("purpose", "job__state", "platform", "trusted", "recipe__repository__flavour", "recipe__repository")
    list_select_related = ("recipe__repository", "commit", "job")
    search_fields = ("commit__hash", "recipe__name", "recipe__repository__name", "fingerprint")

    @admin.display(description="commit")
    def commit_link(self, build: Build) -> str:
        return link(build.commit)

    @admin.display(description="state", ordering="job__state")
    def state(self, build: Build) -> str:
        return build.job.state if build.job else ""

    @admin.display(description="job")
    def job_link(self, build: Build) -> str:
        return link(build.job)
