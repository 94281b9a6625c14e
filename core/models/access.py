"""What scripts use to come in, and what they asked for already."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from core import clock


class ApiToken(models.Model):
    """Lets a script use the API as its owner, as far as its scopes go. Only a hash of the token is kept."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What it is for.")
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token, in hexadecimal.")
    beginning = models.CharField(max_length=12, help_text="Its first characters, to tell it from others.")
    scopes = models.JSONField(default=list, help_text="`core.states.TokenScope`.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.name} ({self.beginning}…)"

    @property
    def is_valid(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > clock.now())


class IdempotentCall(models.Model):
    """A call of the API that carried an idempotency key, and what it was answered: asked again, it is not done again."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64, help_text="SHA-256 of method, path and body, in hexadecimal.")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty while it is being carried out.")
    content_type = models.CharField(max_length=100, blank=True)
    body = models.BinaryField(default=bytes)

    class Meta:
        constraints = [models.UniqueConstraint(name="one_call_of_an_idempotency_key", fields=["person", "key"])]

    def __str__(self) -> str:
        return self.key
