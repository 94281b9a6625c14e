"""Questions that were asked of the outside while somebody declared something."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Probe


@admin.register(Probe)
class ProbeAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "asked_by", "asked_at", "answered_at", "error")
    list_filter = ("asked_at",)
    list_select_related = ("asked_by",)
