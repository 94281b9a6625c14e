"""Housekeeping: each time that what nobody needs any more is removed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models import visible


class Tidying(models.Model):
    """One time of tidying up: who asked for it, who does it, and what it has removed."""

    asked_at = models.DateTimeField(default=timezone.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="Empty: it was time."
    )
    lease_until = models.DateTimeField(null=True, help_text="Until when a runner has it in hand.")
    finished_at = models.DateTimeField(null=True)
    removed = models.JSONField(default=dict, help_text="By kind, how many, and under `bytes` how much room they took.")
    faults = models.JSONField(default=list, help_text="What could not be removed and why, in sentences.")

    # What could not be removed is named, whose ever it is.
    objects = visible.Visible("")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"tidying {self.pk}"
