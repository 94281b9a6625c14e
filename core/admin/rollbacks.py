"""Rollbacks."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin, link
from core.models import Rollback


@admin.register(Rollback)
class RollbackAdmin(ReadOnlyAdmin):
    list_display = ("id", "service_link", "release", "away_from", "reason", "asked_by", "asked_at", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "asked_at")
    list_select_related = ("service", "release__commit", "asked_by")
    search_fields = ("service__name", "reason", "asked_by__username")
    ordering = ("-id",)

    @admin.display(description="service", ordering="service__name")
    def service_link(self, rollback: Rollback) -> str:
        return link(rollback.service)
