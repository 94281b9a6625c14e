"""Webhooks that arrived."""

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("event", "source", "sender", "received_at", "count", "outcome")
    list_filter = ("source", "received_at")
    search_fields = ("event", "sender", "key", "outcome")
