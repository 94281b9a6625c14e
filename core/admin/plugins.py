"""What plugins tell of themselves."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import BuilderPools, PluginFact


@admin.register(PluginFact)
class PluginFactAdmin(ReadOnlyAdmin):
    list_display = ("plugin", "label", "text", "warning", "at")
    list_filter = ("plugin", "warning")
    search_fields = ("plugin", "label", "text")


@admin.register(BuilderPools)
class BuilderPoolsAdmin(ReadOnlyAdmin):
    list_display = ("builder", "at", "error")
    search_fields = ("builder", "error")
