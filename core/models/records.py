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
    lease_until = models.DateTimeField(null=True, help_text="Until when a runner has it in hand: nobody else sends it.")
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    memory = models.JSONField(default=dict, help_text="What a notifier wants to know when it tells more of the same.")

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
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("plugin", "label")
        constraints = [models.UniqueConstraint(name="one_fact_of_a_label", fields=["plugin", "label"])]

    def __str__(self) -> str:
        return f"{self.label}: {self.text}"
