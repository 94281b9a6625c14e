"""Refs."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link, outside_link
from core.models import Ref


@admin.register(Ref)
class RefAdmin(ReadOnlyAdmin):
    list_display = ("short", "kind", "repository_link", "commit_link", "trusted", "moved_at", "gone_at", "page")
    list_filter = ("kind", "trusted", ("gone_at", admin.EmptyFieldListFilter), "repository__flavour", "repository")
    list_select_related = ("repository", "commit")
    search_fields = ("name", "title", "commit__hash")

    @admin.display(description="repository", ordering="repository__name")
    def repository_link(self, ref: Ref) -> str:
        return link(ref.repository)

    @admin.display(description="commit")
    def commit_link(self, ref: Ref) -> str:
        return link(ref.commit)

    @admin.display(description="page")
    def page(self, ref: Ref) -> str:
        return outside_link(ref.url, ref.title or ref.short) if ref.url else ref.title
