"""What happened and what is still to be told."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Activity(models.Model):
    """What a person did, or what the system did to a service: never edited."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=50)
    subject = models.CharField(max_length=200, help_text="The kind and key of what it was done to: `job 12`.")
    label = models.CharField(max_length=300, help_text="What people called it then.")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "activities"

    def __str__(self) -> str:
        return f"{self.user or 'the deployer'} {self.verb} {self.label}"


class Message(models.Model):
    """A commit status or a notification. Of several with one key, only the newest `version` is sent."""

    key = models.CharField(max_length=300, unique=True)
    recipient = models.CharField(max_length=50, help_text="`source` or `notifier`.")
    payload = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    sent_version = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, db_index=True)
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.key
