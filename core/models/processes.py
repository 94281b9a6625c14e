"""The processes that the deployer runs as, on all its hosts; and what the database asks of them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from core.states import ProcessKind


class AnyProcess(models.Model):
    """A process that gives a sign now and then. One that ends in order takes its row with it.

    What a former version does not write is empty.
    """

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=200)
    process = models.PositiveIntegerField(help_text="Its process number on its host.")
    boot = models.CharField(max_length=100, help_text="Tells the process from a later one with the same number.")
    version = models.CharField(max_length=50, blank=True, default="", db_default="", help_text="Of the deployer.")
    schema = models.PositiveIntegerField(null=True, help_text="The number of the newest migration that it knows.")
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, help_text="From then on it counts as gone, without a sign.")
    gone_at = models.DateTimeField(null=True, help_text="When its host saw that it had ended without a word.")
    vitals = models.JSONField(null=True, help_text="What it told of itself with its last sign: `core.vitals`.")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def told(self) -> dict[str, Any]:
        """What it told of itself; whatever another version tells, it is a mapping."""
        return self.vitals if isinstance(self.vitals, dict) else {}


class Runner(AnyProcess):
    """A runner process. Its jobs are free for others once its lease has ended or its process is gone.

    One that is being drained takes nothing more; `drain_ends` says whether it ends when its hands are empty.
    """

    drain_at = models.DateTimeField(null=True)
    drain_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    drain_reason = models.TextField(blank=True, default="", db_default="")
    drain_ends = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ("name",)


class Process(AnyProcess):
    """A web or a qcluster. Runners have a table of their own, as what they have in hand depends on it."""

    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in ProcessKind])

    class Meta:
        ordering = ("kind", "name")


class Schema(models.Model):
    """The one row that says which versions can work with the tables as they are.

    A migration that takes away what older code uses raises `minimum`: `core.schema.Minimum`.
    """

    minimum = models.PositiveIntegerField(help_text="The number of the migration that code has to know at least.")
    because = models.TextField(blank=True, help_text="What older code would miss, in words.")

    def __str__(self) -> str:
        return f"{self.minimum:04}"
