"""What the screens of recorded things have in common: nobody adds, changes or deletes a record."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from core.admin.generic import ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """A list to read."""

    list_per_page = 50
    # Counting all of a large table takes longer than reading a page of it.
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may_change = super().has_change_permission(request, obj)
        return may_change or super().has_view_permission(request, obj)


def link(row: Any) -> str:
    """A link to the page of a row; a dash where there is none."""
    if row is None:
        return "-"
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, row)


def outside_link(address: str, text: str) -> str:
    """A link to a page elsewhere, if it is one that a browser may follow: sources and people wrote the address."""
    if not address.startswith(("http://", "https://")):
        return text
    return format_html('<a href="{}" rel="noopener noreferrer">{}</a>', address, text)
