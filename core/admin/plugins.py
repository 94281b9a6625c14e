"""What plugins tell of themselves."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import BuilderPools, PluginFact, PluginIncident, PluginSwitch


@admin.register(PluginFact)
class PluginFactAdmin(ReadOnlyAdmin):
    list_display = ("plugin", "label", "text", "warning", "at")
    list_filter = ("plugin", "warning")
    search_fields = ("plugin", "label", "text")


@admin.register(BuilderPools)
class BuilderPoolsAdmin(ReadOnlyAdmin):
    list_display = ("builder", "at", "error")
    search_fields = ("builder", "error")


@admin.register(PluginSwitch)
class PluginSwitchAdmin(ReadOnlyAdmin):
    list_display = ("plugin", "disabled_at", "disabled_by", "reason")
    search_fields = ("plugin", "reason")


@admin.register(PluginIncident)
class PluginIncidentAdmin(ReadOnlyAdmin):
    list_display = ("plugin", "kind", "where", "count", "last_at")
    list_filter = ("plugin", "kind")
    search_fields = ("plugin", "where", "detail")
