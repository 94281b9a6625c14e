"""What people say to gates: approvals of a job, and exceptions from a gate."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import visible
from core.models.jobs import Job
from core.models.recipes import Service


class Approval(models.Model):
    """Somebody approved of a job: of a deployment, of this digest and no other. Whoever did can take it back."""

    job = models.ForeignKey(Job, models.PROTECT, related_name="approvals")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    reason = models.TextField(blank=True)
    confirms = models.BooleanField(help_text="The person had the role that the confirmation threshold asks for.")
    withdrawn_at = models.DateTimeField(null=True)

    objects = visible.Visible("job__flavour")

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                name="one_approval_of_a_person", fields=["job", "user"], condition=Q(withdrawn_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"approval of {self.job} by {self.user.get_username()}"


class GateException(models.Model):
    """A person let deployments through a gate: one deployment, or all of a service for a time.

    `key` tells the gate with the options that it had then: for one that was declared otherwise since, it does not count.
    """

    service = models.ForeignKey(Service, models.PROTECT, related_name="gate_exceptions")
    job = models.ForeignKey(
        Job,
        models.PROTECT,
        null=True,
        related_name="gate_exceptions",
        help_text="Empty: every deployment of the service.",
    )
    gate = models.CharField(max_length=50, help_text="The kind of the gate.")
    key = models.CharField(max_length=100)
    title = models.CharField(max_length=300, help_text="What people called the gate then.")
    reason = models.TextField()
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(null=True, help_text="When it ends by itself.")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = visible.Visible("service__target__recipe__repository__flavour")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"exception of {self.service} from {self.title}"[:300]

    @property
    def sentence(self) -> str:
        """Who let what through which gate, and why, without its stop."""
        what = f"job {self.job_id}" if self.job_id else f"every deployment of {self.service}"
        until = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"{self.granted_by.get_username()} lets {what} through gate {self.title}{until}: {self.reason}"
