"""What the end of a job changes, by its kind."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from core.models import Input, Job, Ref, Release, Service, Target
from core.services import activities
from core.states import JobKind, JobState


def record(job: Job, seen_digest: str | None) -> None:
    """Write down what a job that ended has made true.

    :param seen_digest: what a service was seen running by a deployment that failed; None where nobody looked.
    """
    succeeded = job.state == JobState.SUCCEEDED
    if job.release and succeeded:
        Release.objects.filter(pk=job.release.pk).update(digest=job.value, published_at=timezone.now())
    elif job.kind == JobKind.DEPLOYMENT:
        _deployed(job, succeeded=succeeded, seen_digest=seen_digest)
    elif job.input:
        _read(job, job.input, succeeded=succeeded)


def target_of(job: Job) -> Target | None:
    """The target that a job works for, if any; for a deployment the one that its service belongs to now."""
    if job.kind == JobKind.DEPLOYMENT:
        return job.deployment_of.service.target
    if job.release is not None:
        return job.release.target
    return job.build.target if job.build is not None else None


def _deployed(job: Job, *, succeeded: bool, seen_digest: str | None) -> None:
    deployment = job.deployment_of
    service, release, now = deployment.service, deployment.release, timezone.now()
    row = Service.objects.filter(pk=service.pk)
    if succeeded:
        digest = deployment.digest
        row.update(current=release, current_digest=digest, current_since=now, observed_digest=digest, observed_at=now)
    elif seen_digest is not None:
        row.update(observed_digest=seen_digest, observed_at=now)
    row.update(next_observe_at=now)
    activities.record(None, f"deployment {job.state}", deployment, reason=job.reason)


def _read(job: Job, input: Input, *, succeeded: bool) -> None:
    row = Input.objects.select_for_update().get(pk=input.pk)
    now = timezone.now()
    # An input that could not be read keeps its value, and is tried again long before a new reading would be due.
    row.next_read_at = now + timedelta(seconds=row.validity if succeeded else min(row.validity, 300))
    moved = succeeded and job.value != row.value
    if succeeded:
        row.value, row.read_at = job.value, now
    row.save(update_fields=["next_read_at", "value", "read_at"])
    if moved:
        users = Ref.objects.filter(repository__flavour=row.flavour, gone_at=None)
        users.filter(repository__recipes__args__icontains=f'"{row.name}"').update(version=F("version") + 1)
