"""What the processes measured together."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Measurement


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    list_display = ("name", "labels", "count", "total")
    search_fields = ("name",)
