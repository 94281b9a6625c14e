"""Approvals, and exceptions from gates."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Approval, GateException


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = ("job", "user", "reason", "at", "confirms", "withdrawn_at")
    list_filter = (("withdrawn_at", admin.EmptyFieldListFilter),)
    list_select_related = ("job", "user")
    search_fields = ("job__title", "reason", "user__username")


@admin.register(GateException)
class GateExceptionAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "job", "reason", "granted_by", "granted_at", "until", "revoked_at", "revoked_by")
    list_filter = ("gate", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("service", "job", "granted_by", "revoked_by")
    search_fields = ("service__name", "reason", "granted_by__username")
