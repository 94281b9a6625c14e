"""Repositories, their refs and commits."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core.models import visible
from core.models.flavours import Declared, Flavour
from core.states import RefKind


class Repository(Declared):
    """A repository to look after, what its source last said, and when to look again."""

    flavour = models.ForeignKey(Flavour, models.PROTECT, related_name="repositories")
    name = models.CharField(max_length=200, help_text="owner/name")
    source = models.CharField(max_length=50, help_text="The kind of its source.")
    options = models.JSONField(default=dict, blank=True)
    poll = models.PositiveIntegerField(default=120, help_text="Seconds between looks that nobody asked for.")
    check_refs = models.BooleanField(
        default=True,
        help_text="Build branches and pull requests that no target follows, to see whether they could be deployed.",
    )

    renamed_to = models.CharField(
        max_length=200, blank=True, editable=False, help_text="What its source calls it, where that is another name."
    )
    notice = models.TextField(blank=True, editable=False)
    default_branch = models.CharField(max_length=500, blank=True, editable=False)
    validator = models.TextField(blank=True, editable=False)
    looked_at = models.DateTimeField(null=True, editable=False)
    next_look_at = models.DateTimeField(default=timezone.now, db_index=True)
    poll_after = models.DateTimeField(null=True, editable=False, help_text="Its source asks not to be polled before.")
    look_failures = models.PositiveIntegerField(default=0, editable=False)
    look_error = models.TextField(blank=True, editable=False)
    look_runner = models.CharField(max_length=100, blank=True, editable=False)
    look_lease_until = models.DateTimeField(null=True, editable=False)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    reconciled_version = models.PositiveBigIntegerField(default=0, editable=False)

    objects = visible.Visible("flavour")

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "repositories"
        constraints = [models.UniqueConstraint(name="repository_name_in_flavour", fields=["flavour", "name"])]
        indexes = [
            models.Index(
                name="repository_to_reconcile", fields=["id"], condition=Q(version__gt=F("reconciled_version"))
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def seen(self) -> bool:
        """Whether a look has worked: what is not there is then not there, and not only unknown."""
        return bool(self.validator or self.default_branch or (self.looked_at and not self.look_failures))


class Commit(models.Model):
    """A commit that some ref pointed to when it was looked at."""

    repository = models.ForeignKey(Repository, models.PROTECT, related_name="commits")
    hash = models.CharField(max_length=64)
    message = models.TextField(blank=True)
    author = models.CharField(max_length=300, blank=True)
    committed_at = models.DateTimeField(null=True)

    objects = visible.Visible("repository__flavour")

    class Meta:
        constraints = [models.UniqueConstraint(name="commit_in_repository", fields=["repository", "hash"])]
        indexes = [models.Index(name="commit_of_hash", fields=["hash"])]

    def __str__(self) -> str:
        return self.short

    @property
    def short(self) -> str:
        return self.hash[:10]

    @property
    def title(self) -> str:
        return self.message.strip().partition("\n")[0]


class Ref(models.Model):
    """A branch or a pull request. `version` grows with all that it depends on; see `core.engine.reconcile`."""

    repository = models.ForeignKey(Repository, models.PROTECT, related_name="refs")
    name = models.CharField(max_length=1024)
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in RefKind])
    commit = models.ForeignKey(Commit, models.PROTECT, related_name="refs")
    trusted = models.BooleanField(default=False)
    title = models.CharField(max_length=500, blank=True)
    base = models.CharField(max_length=500, blank=True)
    url = models.URLField(blank=True, max_length=1000)
    moved_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    reconciled_version = models.PositiveBigIntegerField(default=0, editable=False)

    objects = visible.Visible("repository__flavour")

    class Meta:
        ordering = ("name",)
        constraints = [models.UniqueConstraint(name="ref_in_repository", fields=["repository", "name"])]
        indexes = [
            models.Index(
                name="ref_to_reconcile", fields=["repository"], condition=Q(version__gt=F("reconciled_version"))
            ),
            models.Index(name="ref_live", fields=["commit"], condition=Q(gone_at=None)),
        ]

    def __str__(self) -> str:
        return self.short

    @property
    def short(self) -> str:
        """The name that people use."""
        return self.name.removeprefix("refs/heads/").removeprefix("refs/")
