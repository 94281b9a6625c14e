"""What was done: builds, releases and deployments. Each is carried out by jobs."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from core.models.recipes import Recipe, Service, Target
from core.models.repositories import Commit
from core.states import Purpose


class Build(models.Model):
    """One recipe of one commit for one platform and one purpose. `job` is the newest that built it."""

    fingerprint = models.CharField(max_length=64, unique=True)
    recipe = models.ForeignKey(Recipe, models.PROTECT, related_name="builds")
    commit = models.ForeignKey(Commit, models.PROTECT, related_name="builds")
    target = models.ForeignKey(Target, models.PROTECT, null=True, related_name="builds")
    platform = models.CharField(max_length=100)
    purpose = models.CharField(max_length=20, choices=[(purpose.value, purpose.value) for purpose in Purpose])
    trusted = models.BooleanField()
    args = models.JSONField(default=dict)
    job = models.ForeignKey("core.Job", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.purpose} build of {self.recipe.name} on {self.platform}"


class Release(models.Model):
    """A target's commit, published. `digest` is empty until it is, and the newest one if it was published again."""

    fingerprint = models.CharField(max_length=64, unique=True)
    target = models.ForeignKey(Target, models.PROTECT, related_name="releases")
    commit = models.ForeignKey(Commit, models.PROTECT, related_name="releases")
    image = models.CharField(max_length=300)
    builds = models.ManyToManyField(Build, related_name="releases")
    digest = models.CharField(max_length=100, blank=True)
    job = models.ForeignKey("core.Job", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.image} at {self.commit.short}"


class Deployment(models.Model):
    """One attempt to move one service to one release.

    `digest` and `previous_digest` are those that the releases had then: a release may be published again with another.
    """

    service = models.ForeignKey(Service, models.PROTECT, related_name="deployments")
    release = models.ForeignKey(Release, models.PROTECT, related_name="deployments")
    digest = models.CharField(max_length=100, blank=True)
    previous = models.ForeignKey(Release, models.PROTECT, null=True, related_name="+")
    previous_digest = models.CharField(max_length=100, blank=True)
    rollback = models.BooleanField(default=False)
    job = models.OneToOneField("core.Job", models.PROTECT, related_name="deployment_of")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.service} to {self.release}"


class Rollback(models.Model):
    """A person asked for an older release. It holds while the commit that was left is the head, or until lifted."""

    service = models.ForeignKey(Service, models.PROTECT, related_name="rollbacks")
    release = models.ForeignKey(Release, models.PROTECT, related_name="+")
    away_from = models.CharField(max_length=64, help_text="The commit that was left.")
    reason = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_rollback_in_force", fields=["service"], condition=models.Q(lifted_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} back to {self.release}"
