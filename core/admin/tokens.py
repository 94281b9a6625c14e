"""Tokens for the API. They are made and revoked by their owners (`/tokens/`); superusers see which there are."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import ApiToken, IdempotentCall


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "beginning", "scopes", "created_at", "expires_at", "used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username")
    exclude = ("hash",)


@admin.register(IdempotentCall)
class IdempotentCallAdmin(ReadOnlyAdmin):
    list_display = ("key", "person", "at", "status")
    list_select_related = ("person",)
    search_fields = ("key", "person__username")
    exclude = ("body",)
