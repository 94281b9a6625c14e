"""Commit statuses and notifications that were sent or are to be sent."""

from __future__ import annotations

from django.contrib import admin

from core.admin.read_only import ReadOnlyAdmin
from core.models import Message


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("key", "recipient", "is_sent", "failures", "error", "next_attempt_at")
    list_filter = ("recipient", "next_attempt_at")
    search_fields = ("key", "error")
    ordering = ("-next_attempt_at",)

    @admin.display(description="sent", boolean=True)
    def is_sent(self, message: Message) -> bool:
        return message.sent_version >= message.version
