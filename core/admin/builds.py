"""Builds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Build, Recipe


class PlatformFilter(admin.SimpleListFilter):
    """Shows the builds for one platform, of those that recipes name: there are few of them, and many builds."""

    title = parameter_name = "platform"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        named = Recipe.objects.order_by().values_list("platforms", flat=True)
        return [(each, each) for each in sorted({platform for platforms in named for platform in platforms})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(platform=self.value()) if self.value() else queryset


@admin.register(Build)
class BuildAdmin(ReadOnlyAdmin):
    list_display = ("id", "recipe", "commit_link", "purpose", "platform", "trusted", "state", "job_link", "created_at")
    list_filter = (
        "purpose",
        "job__state",
        PlatformFilter,
        "trusted",
        "recipe__repository__flavour",
        "recipe__repository",
    )
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
