"""Runners."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Runner


@admin.register(Runner)
class RunnerAdmin(ReadOnlyAdmin):
    list_display = ("name", "host", "process", "started_at", "heartbeat_at")
    list_filter = ("host",)
    search_fields = ("name", "host")
