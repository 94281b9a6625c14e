"""Locks, pauses and freezes: what a person holds still."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import visible
from core.models.flavours import Flavour
from core.models.recipes import Service
from core.states import HoldKind

_IN_FORCE = Q(lifted_at=None)


class Hold(models.Model):
    """A lock or a pause of one service, or a freeze of a whole flavour: deployments that have not started wait.

    A lock holds every deployment of its service. A pause holds those that nobody asked for: what a person wants rolled
    back or deployed again still goes. A freeze lets rollbacks through.
    """

    flavour = models.ForeignKey(Flavour, models.PROTECT, related_name="holds")
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, related_name="holds", help_text="Empty: it holds the whole flavour."
    )
    kind = models.CharField(
        max_length=10,
        default=HoldKind.LOCK,
        db_default=HoldKind.LOCK.value,
        choices=[(kind.value, kind.value) for kind in HoldKind],
    )
    reason = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, help_text="When it lifts by itself.")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = visible.Visible("flavour")

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(name="one_hold_of_a_kind", fields=["service", "kind"], condition=_IN_FORCE),
            models.UniqueConstraint(
                name="one_freeze_of_a_flavour", fields=["flavour"], condition=_IN_FORCE & Q(service=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.word} of {self.service or self.flavour}"

    @classmethod
    def from_db(cls, *loaded: Any, **named: Any) -> Self:
        """A version from before kinds wrote freezes down as whatever the database takes for a kind."""
        row = super().from_db(*loaded, **named)
        if {"service_id", "kind"}.isdisjoint(row.get_deferred_fields()) and row.service_id is None:
            row.kind = HoldKind.FREEZE
        return row

    @property
    def word(self) -> str:
        """What people call it."""
        return self.kind

    @property
    def sentence(self) -> str:
        """Who holds what and why, and when it lifts by itself."""
        done = {HoldKind.LOCK: "Locked", HoldKind.PAUSE: "Paused"}.get(HoldKind(self.kind), "")
        done = done or f"Flavour {self.flavour} is frozen"
        until = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"{done} by {self.owner.get_username()}{until}" + (f": {self.reason}" if self.reason else "")
