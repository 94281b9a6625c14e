"""Runners and the other processes, as they told of themselves."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Process, Runner, Schema


@admin.register(Runner)
class RunnerAdmin(ReadOnlyAdmin):
    list_display = ("name", "host", "process", "version", "started_at", "heartbeat_at", "drain_by")
    list_filter = ("host",)
    search_fields = ("name", "host")


@admin.register(Process)
class ProcessAdmin(ReadOnlyAdmin):
    list_display = ("name", "kind", "host", "process", "version", "started_at", "heartbeat_at")
    list_filter = ("kind", "host")
    search_fields = ("name", "host")


@admin.register(Schema)
class SchemaAdmin(ReadOnlyAdmin):
    list_display = ("minimum", "because")
