"""Jobs."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models import visible
from core.models.flavours import Flavour, Input
from core.models.repositories import Commit, Repository
from core.models.work import Build, Release
from core.states import JOB, JobKind, JobState, Level

_ACTIVE = Q(state__in=sorted(JOB.active))


class JobQuerySet(models.QuerySet["Job"]):
    def active(self) -> JobQuerySet:
        return self.filter(_ACTIVE)

    def queued(self) -> JobQuerySet:
        return self.filter(state=JobState.QUEUED)

    def running(self) -> JobQuerySet:
        return self.filter(state=JobState.RUNNING)


_Jobs = visible.Visible.from_queryset(JobQuerySet)


class Job(models.Model):
    """One execution with a log, a level and an outcome.

    `fingerprint` says which operation it carries out; of several jobs with the same one, the newest counts. `exclusive`
    names what it must be alone with: no two active jobs have the same.
    """

    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in JobKind])
    fingerprint = models.CharField(max_length=64, db_index=True)
    exclusive = models.CharField(max_length=100)
    flavour = models.ForeignKey(Flavour, models.PROTECT, related_name="jobs")
    repository = models.ForeignKey(Repository, models.PROTECT, null=True, related_name="jobs")
    commit = models.ForeignKey(Commit, models.PROTECT, null=True, related_name="jobs")
    build = models.ForeignKey(Build, models.PROTECT, null=True, related_name="jobs")
    release = models.ForeignKey(Release, models.PROTECT, null=True, related_name="jobs")
    input = models.ForeignKey(Input, models.PROTECT, null=True, related_name="jobs")
    title = models.CharField(max_length=300)
    level = models.PositiveSmallIntegerField(choices=[(level.value, level.word) for level in Level])
    priority = models.PositiveSmallIntegerField(default=50)
    pool = models.CharField(max_length=100, blank=True)

    state = models.CharField(max_length=20, default=JobState.QUEUED, editable=False)
    reason = models.TextField(blank=True, editable=False)
    rule = models.CharField(
        max_length=100, blank=True, editable=False, help_text="The log rule that named the probable cause."
    )
    cause = models.TextField(blank=True, editable=False, help_text="The probable cause of its failure.")
    excerpt = models.TextField(blank=True, editable=False, help_text="The decisive lines of its log.")
    places = models.JSONField(
        default=list, editable=False, help_text='Where in the repository it failed: {"path", "line", "message"}.'
    )
    value = models.CharField(max_length=500, blank=True, editable=False)
    log = models.CharField(max_length=200, blank=True, editable=False)
    log_removed_at = models.DateTimeField(null=True, editable=False)
    log_removed_by = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="What policy removed it, in words.",
    )
    attempts = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    cancel_reason = models.TextField(blank=True, editable=False)
    cancelled_by_person = models.BooleanField(default=False, editable=False)
    runner = models.CharField(max_length=100, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    objects = _Jobs("flavour")

    #: Of one that was just claimed, and not kept: whether it had been begun before, and why it was put back then.
    begun_before: bool = False
    put_back_for: str = ""

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(
                name="job_state_is_known", condition=Q(state__in=[state.value for state in JobState])
            ),
            models.UniqueConstraint(name="no_two_active_jobs_for_the_same", fields=["exclusive"], condition=_ACTIVE),
            models.CheckConstraint(
                name="a_running_job_has_a_runner_and_a_lease",
                condition=~Q(state=JobState.RUNNING) | (~Q(runner="") & Q(lease_until__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(name="job_active", fields=["state", "priority", "id"], condition=_ACTIVE),
            models.Index(name="job_of_repository", fields=["repository", "-id"]),
            # SQLite plans before it knows what a condition is given, and then has no use for the partial one above.
            models.Index(name="job_of_state", fields=["state", "-id"]),
            models.Index(name="job_of_kind", fields=["kind", "-id"]),
            models.Index(name="job_finished", fields=["finished_at"]),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_active(self) -> bool:
        return self.state in JOB.active
