"""What happened and what is still to be told."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.errors import RefusedError
from core.models import visible

_WRITTEN_ONCE = "what was done is recorded once and never changed; `manage.py forget_activities` forgets what is old"


class ActivityQuerySet(models.QuerySet["Activity"]):
    """Rows that are written once."""

    def update(self, **_: Any) -> int:
        raise RefusedError(_WRITTEN_ONCE)

    def delete(self) -> tuple[int, dict[str, int]]:
        raise RefusedError(_WRITTEN_ONCE)


_Activities = visible.Visible.from_queryset(ActivityQuerySet)


class Activity(models.Model):
    """What a person did, or what the system did to a service: written once. The database refuses to change it too
    (`core.services.audit`)."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=50)
    subject = models.CharField(max_length=200, help_text="The kind and key of what it was done to: `job 12`.")
    label = models.CharField(max_length=300, help_text="What people called it then.")
    reason = models.TextField(blank=True)
    flavour = models.ForeignKey(
        "core.Flavour", models.PROTECT, null=True, related_name="+", help_text="Empty: it belongs to no one flavour."
    )

    objects = _Activities("flavour")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "activities"
        indexes = [models.Index(name="activity_of_subject", fields=["subject"])]

    def __str__(self) -> str:
        return f"{self.user or 'the deployer'} {self.verb} {self.label}"

    def save(self, **options: Any) -> None:
        if not self._state.adding:
            raise RefusedError(_WRITTEN_ONCE)
        super().save(**options)

    def delete(self, using: Any = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        raise RefusedError(_WRITTEN_ONCE)


class Message(models.Model):
    """A commit status or a notification. Of several with one key, only the newest `version` is sent."""

    key = models.CharField(max_length=300, unique=True)
    recipient = models.CharField(max_length=50, help_text="`source` or `notifier`.")
    payload = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    sent_version = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now, db_index=True)
    lease_until = models.DateTimeField(null=True, help_text="Until when a runner has it in hand: nobody else sends it.")
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    memory = models.JSONField(default=dict, help_text="What a notifier wants to know when it tells more of the same.")

    objects = visible.Visible("")

    class Meta:
        indexes = [
            models.Index(
                name="message_unsent", fields=["recipient"], condition=models.Q(version__gt=models.F("sent_version"))
            )
        ]

    def __str__(self) -> str:
        return self.key


class Delivery(models.Model):
    """A webhook that arrived, and what it led to. One that comes again is counted and changes nothing.

    Those that were refused are kept as one row for each reason.
    """

    source = models.CharField(max_length=50, help_text="The kind of its source.")
    key = models.CharField(max_length=200, help_text="The same when it is sent again.")
    event = models.CharField(max_length=100, blank=True)
    sender = models.CharField(max_length=200, blank=True)
    repositories = models.JSONField(default=list)
    asked = models.JSONField(default=list, help_text="What a person asked for at the source's pages.")
    count = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    done_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True)

    objects = visible.Visible("")

    class Meta:
        ordering = ("-received_at", "-id")
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(name="one_delivery_of_a_key", fields=["source", "key"])]
        indexes = [models.Index(name="delivery_to_carry_out", fields=["id"], condition=models.Q(done_at=None))]

    def __str__(self) -> str:
        return f"{self.event} from {self.source}"


class BuilderPools(models.Model):
    """What a builder last told of the machines that it builds on."""

    builder = models.CharField(max_length=50, unique=True)
    pools = models.JSONField(default=list, help_text="`core.values.Pool`, by the names of its fields.")
    error = models.TextField(blank=True, help_text="Why nothing newer is known.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("builder",)
        verbose_name_plural = "builder pools"

    def __str__(self) -> str:
        return f"pools of {self.builder}"


class PluginFact(models.Model):
    """What a plugin last told of itself."""

    plugin = models.CharField(max_length=100)
    label = models.CharField(max_length=100)
    text = models.CharField(max_length=500)
    warning = models.BooleanField(default=False)
    numbers = models.JSONField(default=dict, db_default={}, help_text="By name, for `/metrics`.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("plugin", "label")
        constraints = [models.UniqueConstraint(name="one_fact_of_a_label", fields=["plugin", "label"])]

    def __str__(self) -> str:
        return f"{self.label}: {self.text}"


class Measurement(models.Model):
    """What all processes measured together: one series of a counter or a histogram (`core.measures`)."""

    name = models.CharField(max_length=120)
    labels = models.JSONField(default=list, help_text="Values, in the order in which the measure declares its labels.")
    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of name, labels and bounds, in hexadecimal.")
    count = models.FloatField(default=0)
    total = models.FloatField(default=0)
    buckets = models.JSONField(default=list, help_text="How many up to each bound; the last: how many above all.")

    class Meta:
        ordering = ("name", "id")

    def __str__(self) -> str:
        return f"{self.name} {', '.join(self.labels)}"
