"""What the end of a job changes, by its kind."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from core import clock
from core.models import Deployment, Input, Job, Ref, Release, Service, Target
from core.services import activities, changes, provenance
from core.services import unhealthy as marking
from core.states import JobKind, JobState

#: Reasons for which a deployment was put off that are remembered: the last.
_REMEMBERED = 20


def record(job: Job, seen_digest: str | None, *, unhealthy: bool = False) -> None:
    """Write down what a job that ended has made true.

    :param seen_digest: what a service was seen running by a deployment that failed; None where nobody looked.
    :param unhealthy: it was moved and was not well then.
    """
    succeeded = job.state == JobState.SUCCEEDED
    if job.release and succeeded:
        Release.objects.filter(pk=job.release.pk).update(
            digest=job.value, published_at=clock.now(), image_removed_at=None
        )
        changes.follow_up(job.release)
        provenance.record(job.release.pk)
    elif job.kind == JobKind.DEPLOYMENT:
        if unhealthy:
            marking.mark(job.deployment_of.pk, job.reason)
        _deployed(job, succeeded=succeeded, seen_digest=seen_digest)
    elif job.input:
        _read(job, job.input, succeeded=succeeded)


def put_off(job: Job, reason: str) -> None:
    """Remember why a deployment could not begin: its job forgets it as soon as it is tried again.

    :param reason: empty where it could begin now.
    """
    row = Deployment.objects.select_for_update(no_key=True).get(job=job)
    last = row.put_off[-1]["reason"] if row.put_off else ""
    if last != reason:
        row.put_off = [*row.put_off, {"reason": reason, "since": clock.now().isoformat()}][-_REMEMBERED:]
        row.save(update_fields=["put_off"])


def target_of(job: Job) -> Target | None:
    """The target that a job works for, if any; for a deployment the one that its service belongs to now."""
    if job.kind == JobKind.DEPLOYMENT:
        return job.deployment_of.service.target
    if job.release is not None:
        return job.release.target
    return job.build.target if job.build is not None else None


def _deployed(job: Job, *, succeeded: bool, seen_digest: str | None) -> None:
    deployment = job.deployment_of
    service, release, now = deployment.service, deployment.release, clock.now()
    row = Service.objects.filter(pk=service.pk)
    if succeeded:
        digest = deployment.digest
        row.update(current=release, current_digest=digest, observed_digest=digest, observed_at=now)
        if deployment.drift:
            # It runs what it ran. Who is told of drift again is told of what came after somebody had put it right.
            row.filter(current_since=None).update(current_since=now)
        else:
            row.update(current_since=now)
        if not deployment.drift or deployment.asked_by_id:
            row.update(drift_told_at=None)
        marking.is_well(deployment)
    elif seen_digest is not None:
        row.update(observed_digest=seen_digest, observed_at=now)
    # What was changed by others before is seen again at once if it is still so.
    row.update(next_observe_at=now, observed_drift="")
    activities.record(None, f"deployment {job.state}", deployment, reason=job.reason)


def _read(job: Job, input: Input, *, succeeded: bool) -> None:
    row = Input.objects.select_for_update(no_key=True).get(pk=input.pk)
    now = clock.now()
    # An input that could not be read keeps its value, and is tried again long before a new reading would be due.
    row.next_read_at = now + timedelta(seconds=row.validity if succeeded else min(row.validity, 300))
    moved = succeeded and job.value != row.value
    if succeeded:
        row.value, row.read_at = job.value, now
    row.save(update_fields=["next_read_at", "value", "read_at"])
    if moved:
        users = Ref.objects.filter(repository__flavour=row.flavour, gone_at=None)
        users.filter(repository__recipes__args__icontains=f'"{row.name}"').update(version=F("version") + 1)
