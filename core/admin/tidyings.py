"""What housekeeping removed, each time that it was asked for."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Tidying


@admin.register(Tidying)
class TidyingAdmin(ReadOnlyAdmin):
    list_display = ("asked_at", "asked_by", "finished_at")
    list_select_related = ("asked_by",)
    search_fields = ("asked_by__username",)
