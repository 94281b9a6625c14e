"""People who log in by an account that they have elsewhere."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone


class Identity(models.Model):
    """Whose account elsewhere belongs to which user. `groups` are those told at the last login."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identity")
    provider = models.CharField(max_length=50)
    subject = models.CharField(max_length=200, help_text="Tells the person from all others there, and never changes.")
    login = models.CharField(max_length=200)
    groups = models.JSONField(default=list)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [models.UniqueConstraint(name="one_user_of_an_account", fields=["provider", "subject"])]

    def __str__(self) -> str:
        return f"{self.provider}:{self.login}"
