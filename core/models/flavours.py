"""Flavours, as declared, and how each is run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import models
from django.utils import timezone

from core import clock, configuration
from core.models import visible
from core.pipeline.declaration import Retention
from core.states import DriftPolicy, Level


class Declared(models.Model):
    """Something that a flavour file or the admin declared.

    `origin` names the file; it is empty for what was added in the admin. What is retired keeps its history.
    """

    origin = models.CharField(max_length=300, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class Flavour(Declared):
    """The repositories that one deployer looks after."""

    name = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=200, blank=True)
    base_url = models.URLField(blank=True)
    admins = models.JSONField(default=list, blank=True, help_text="Names of those who may administer it.")
    builders = models.JSONField(default=list, blank=True, help_text="Names of those who may start and stop work.")
    viewers = models.JSONField(
        default=list, blank=True, help_text="Names of those who may look, where not everybody may."
    )
    notifiers = models.JSONField(default=list, blank=True, help_text="Pairs of a kind and its options.")
    gates = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="What can hold the deployments of all its services back: pairs of a kind and its options.",
    )
    threshold = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        choices=[(level.value, level.word) for level in Level],
        help_text="Operations of this level or above wait for approval; empty: none does.",
    )
    threshold_lifts_at = models.DateTimeField(null=True, blank=True)
    retention = models.JSONField(
        null=True, blank=True, editable=False, help_text="How long what is over is kept, as declared."
    )
    kept_logs = models.PositiveIntegerField(
        "keep logs", null=True, blank=True, help_text="Days after a job's end; empty: as declared, or 90."
    )
    kept_builds = models.PositiveIntegerField(
        "keep check builds", null=True, blank=True, help_text="Days after their end; empty: as declared, or 180."
    )
    kept_refs = models.PositiveIntegerField(
        "keep closed refs", null=True, blank=True, help_text="Days after they were closed; empty: as declared, or 30."
    )
    kept_releases = models.PositiveIntegerField(
        "keep images",
        null=True,
        blank=True,
        help_text="Of the newest so many releases of each target; empty: as declared, or 100.",
    )
    drift = models.CharField(
        max_length=10,
        default=DriftPolicy.ASK,
        db_default=DriftPolicy.ASK.value,
        choices=[(policy.value, policy.value) for policy in DriftPolicy],
        help_text="What is done about drift of services that do not say themselves: off, ask, heal.",
    )
    harmless = models.BooleanField(
        default=False, help_text="Only deployment branches; nobody outside is told anything."
    )

    objects = visible.Visible("pk")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def address(self) -> str:
        """Where people find its pages, without a slash at the end."""
        return (self.base_url or configuration.current().base_url).rstrip("/")

    @property
    def kept(self) -> Retention:
        """How long what is over is kept: what was set in the admin counts before what is declared."""
        declared = Retention(**(self.retention or {}))
        set_here = {name: getattr(self, f"kept_{name}") for name in ("logs", "builds", "refs", "releases")}
        return replace(declared, **{name: value for name, value in set_here.items() if value is not None})

    def threshold_at(self, now: datetime) -> Level | None:
        """The confirmation threshold in force."""
        if self.threshold is None or (self.threshold_lifts_at and self.threshold_lifts_at <= now):
            return None
        return Level(self.threshold)

    @property
    def threshold_now(self) -> Level | None:
        return self.threshold_at(clock.now())


class Input(Declared):
    """A fact outside, its value and how long that is believed."""

    flavour = models.ForeignKey(Flavour, models.PROTECT, related_name="inputs")
    name = models.CharField(max_length=100)
    reader = models.CharField(max_length=50)
    options = models.JSONField(default=dict, blank=True)
    validity = models.PositiveIntegerField(default=3600, help_text="Seconds until it is read again.")
    value = models.CharField(max_length=500, blank=True, editable=False)
    read_at = models.DateTimeField(null=True, editable=False)
    next_read_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = visible.Visible("flavour")

    class Meta:
        ordering = ("flavour", "name")
        constraints = [models.UniqueConstraint(name="input_name_in_flavour", fields=["flavour", "name"])]

    def __str__(self) -> str:
        return self.name
