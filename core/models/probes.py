"""Questions to the outside that only a runner can answer: it has the credentials and the plugins' data."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Probe(models.Model):
    """A question that somebody waits for, and what a runner answered. Kept for a day."""

    question = models.JSONField(help_text="What is asked: its kind under `ask`, and what that kind needs.")
    key = models.CharField(max_length=64, db_index=True, help_text="SHA-256 of the question, in hexadecimal.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now, db_index=True)
    lease_until = models.DateTimeField(null=True, help_text="Until when a runner has it in hand.")
    answer = models.JSONField(null=True)
    error = models.TextField(blank=True, help_text="Why there is no answer, in one sentence.")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(name="probe_to_answer", fields=["id"], condition=Q(answered_at=None))]

    def __str__(self) -> str:
        return f"{self.question.get('ask', 'probe')} {self.pk}"
