"""Locks, pauses and freezes."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Hold


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "flavour", "reason", "owner", "since", "until", "lifted_at", "lifted_by")
    list_filter = ("kind", ("lifted_at", admin.EmptyFieldListFilter), "flavour")
    list_select_related = ("service", "flavour", "owner", "lifted_by")
    search_fields = ("service__name", "reason", "owner__username")
