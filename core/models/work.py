"""What was done: builds, releases and deployments. Each is carried out by jobs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models import visible
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

    objects = visible.Visible("commit__repository__flavour")

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
    image_removed_at = models.DateTimeField(
        null=True, help_text="Its image was removed then: nobody can go back to it."
    )

    objects = visible.Visible("target__recipe__repository__flavour")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.image} at {self.commit.short}"


class ReleaseChanges(models.Model):
    """What came with a release since the one before it of its target, as the source tells it; and when to ask again.

    It is a follow-up that nothing waits for: a release is deployed whether it is known or not.
    """

    release = models.OneToOneField(Release, models.PROTECT, related_name="changes")
    previous = models.ForeignKey(Release, models.PROTECT, related_name="+")
    commits = models.JSONField(default=list, help_text='Newest first: {"hash", "title", "author", "at"}.')
    cut = models.BooleanField(default=False, help_text="There are more commits than were written down.")
    forward = models.BooleanField(default=True, help_text="The release before it is among its ancestors.")
    known = models.BooleanField(default=False)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now, help_text="Empty: nobody asks any more.")
    lease_until = models.DateTimeField(null=True, help_text="Until when a runner has it in hand.")
    failures = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)

    objects = visible.Visible("release__target__recipe__repository__flavour")

    class Meta:
        verbose_name_plural = "release changes"
        indexes = [
            models.Index(
                name="changes_to_ask_for", fields=["next_attempt_at"], condition=models.Q(next_attempt_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"changes of {self.release}"


class Provenance(models.Model):
    """How a release was made, as it was written down when it was published: what is declared may change afterwards."""

    release = models.OneToOneField(Release, models.PROTECT, related_name="provenance")
    manifests = models.JSONField(default=dict, help_text="The digests of the images in it, by platform.")
    statement = models.JSONField(null=True, help_text="An in-toto statement; empty until it is published.")

    objects = visible.Visible("release__target__recipe__repository__flavour")

    class Meta:
        verbose_name_plural = "provenance"

    def __str__(self) -> str:
        return f"provenance of {self.release}"


class Deployment(models.Model):
    """One attempt to move one service to one release.

    `digest` and `previous_digest` are those that the releases had then: a release may be published again with another.
    `gates` and what begins with it say what stands before it (`core.services.gates`).
    """

    service = models.ForeignKey(Service, models.PROTECT, related_name="deployments")
    release = models.ForeignKey(Release, models.PROTECT, related_name="deployments")
    digest = models.CharField(max_length=100, blank=True)
    previous = models.ForeignKey(Release, models.PROTECT, null=True, related_name="+")
    previous_digest = models.CharField(max_length=100, blank=True)
    rollback = models.BooleanField(default=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="Empty: nobody had to ask."
    )
    asked_why = models.TextField(blank=True, default="", db_default="")
    drift = models.TextField(
        blank=True, default="", db_default="", help_text="The drift that it was to put right; empty for others."
    )
    unhealthy = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What was wrong with the service after its move: it is not moved there again by itself.",
    )
    lifted_at = models.DateTimeField(null=True, help_text="When what was wrong was to count no longer.")
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who asked for it all the same; empty: it was well with it later.",
    )
    put_off = models.JSONField(
        default=list, db_default=[], help_text='Why it was put off: {"reason", "since"}, oldest first.'
    )
    job = models.OneToOneField("core.Job", models.PROTECT, related_name="deployment_of")
    gates = models.JSONField(
        default=list, db_default=[], help_text="What each gate last said (`core.services.gates.Answer`)."
    )
    gates_asked_at = models.DateTimeField(null=True)
    gates_due_at = models.DateTimeField(null=True, help_text="When they are asked again; empty: now.")
    gates_lease_until = models.DateTimeField(null=True, help_text="Until when a runner is asking them.")
    let_go_until = models.DateTimeField(null=True, help_text="Until when it may start: no gate held it.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = visible.Visible("service__target__recipe__repository__flavour")

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(
                name="deployment_unhealthy",
                fields=["service"],
                condition=models.Q(lifted_at=None) & ~models.Q(unhealthy=""),
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} to {self.release}"

    @property
    def is_marked(self) -> bool:
        """Whether its release is not tried again by itself."""
        return bool(self.unhealthy) and self.lifted_at is None


class Rollback(models.Model):
    """A person asked for an older release. It holds while the commit that was left is the head, or until lifted."""

    service = models.ForeignKey(Service, models.PROTECT, related_name="rollbacks")
    release = models.ForeignKey(Release, models.PROTECT, related_name="+")
    away_from = models.CharField(max_length=64, help_text="The commit that was left.")
    reason = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    lifted_at = models.DateTimeField(null=True)

    objects = visible.Visible("service__target__recipe__repository__flavour")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_rollback_in_force", fields=["service"], condition=models.Q(lifted_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} back to {self.release}"
