"""What is known of plugins besides what they offer: whether somebody disabled them, and what they did wrong."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.incidents import IncidentKind
from core.models import visible


class PluginSwitch(models.Model):
    """Whether a plugin is used. One that is disabled stays installed: nothing of it is called, and what needs it waits."""

    plugin = models.CharField(max_length=100, unique=True)
    disabled_at = models.DateTimeField(null=True, help_text="Empty: it is enabled again.")
    disabled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="Empty: the deployer itself."
    )
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "plugin switches"

    def __str__(self) -> str:
        return f"plugin {self.plugin}"

    @property
    def sentence(self) -> str:
        """Who disabled it and why, and how it is enabled again."""
        who = self.disabled_by.get_username() if self.disabled_by else "the deployer"
        why = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"Plugin {self.plugin} was disabled by {who}{why}. `manage.py enable_plugin {self.plugin}` has it go on"


class PluginIncident(models.Model):
    """What a plugin did wrong, and how often it did just the same."""

    plugin = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in IncidentKind])
    where = models.CharField(max_length=500)
    detail = models.CharField(max_length=500)
    count = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)

    # What a plugin raised may name what belongs to any flavour.
    objects = visible.Visible("")

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = [
            models.UniqueConstraint(name="one_row_of_an_incident", fields=["plugin", "kind", "where", "detail"])
        ]

    def __str__(self) -> str:
        return f"{self.plugin} {self.kind} in {self.where}"
