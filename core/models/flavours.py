"""Flavours, as declared, and how each is run."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from core import configuration
from core.states import Level


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
    threshold = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        choices=[(level.value, level.word) for level in Level],
        help_text="Operations of this level or above wait for approval; empty: none does.",
    )
    threshold_lifts_at = models.DateTimeField(null=True, blank=True)
    harmless = models.BooleanField(
        default=False, help_text="Only deployment branches; nobody outside is told anything."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def address(self) -> str:
        """Where people find its pages, without a slash at the end."""
        return (self.base_url or configuration.current().base_url).rstrip("/")

    def threshold_at(self, now: datetime) -> Level | None:
        """The confirmation threshold in force."""
        if self.threshold is None or (self.threshold_lifts_at and self.threshold_lifts_at <= now):
            return None
        return Level(self.threshold)

    @property
    def threshold_now(self) -> Level | None:
        return self.threshold_at(timezone.now())


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

    class Meta:
        ordering = ("flavour", "name")
        constraints = [models.UniqueConstraint(name="input_name_in_flavour", fields=["flavour", "name"])]

    def __str__(self) -> str:
        return self.name
