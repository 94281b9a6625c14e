"""What a person asks for: a look, again, back to an older release, forward again."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import RefusedError
from core.models import Build, Deployment, Input, Job, Ref, Release, Repository, Rollback, Service, Target
from core.services import activities, heads, hints, jobs, operations
from core.states import JobKind, Level


@transaction.atomic
def look(repository: Repository, user: User, *, reason: str = "") -> None:
    """Have a repository's source asked for its heads as soon as a runner can.

    :raises RefusedError: it is retired.
    """
    if repository.retired_at is not None:
        raise RefusedError(f"{repository} is retired: nobody looks after it any more")
    activities.record(user, "asked for a look at", repository, reason=reason)
    heads.ask([repository], timezone.now())


@transaction.atomic
def read(input: Input, user: User, *, reason: str = "") -> None:
    """Have an input read as soon as a runner can.

    :raises RefusedError: it is retired.
    """
    if input.retired_at is not None:
        raise RefusedError(f"input {input} is retired: nobody reads it any more")
    Input.objects.filter(pk=input.pk).update(next_read_at=timezone.now())
    activities.record(user, "asked to read", input, reason=reason)
    hints.changed()


@transaction.atomic
def again(job: Job, user: User, *, reason: str = "") -> Job:
    """Do an operation again: rebuild, publish again, deploy again. Of several jobs of an operation, the newest counts.

    :raises RefusedError: something that it must not run beside goes on, or it is a publication or a deployment that is
        of the past.
    """
    # What is queued by an evaluation meanwhile has to come clearly before it or after it: the later job counts.
    Repository.objects.select_for_update(of=("self",)).filter(jobs=job).first()
    old = Job.objects.select_for_update().get(pk=job.pk)
    if active := Job.objects.active().filter(exclusive=old.exclusive).first():
        raise RefusedError(f"job {active.pk} ({active.title}) has to end first")
    if old.repository is None:
        raise RefusedError("an input is read again by asking for it on its own page")
    if old.kind == JobKind.DEPLOYMENT:
        _refuse_older(old.deployment_of)
    if old.release is not None:
        _refuse_left_behind(old.release)
    row = _copy(old)
    activities.record(user, "asked again for", row, reason=reason)
    if row.commit:
        heads.touch(row.commit.refs.all())
    return row


def redeploy(service: Service, user: User, *, reason: str = "") -> Job:
    """Deploy once more what a service was moved to last: to start it anew, or to repair what was changed by hand.

    :raises RefusedError: it was never deployed, or something that it must not run beside goes on.
    """
    newest = service.deployments.select_related("job").first()
    if newest is None:
        raise RefusedError(f"{service} was never deployed: push to {service.target.branch}")
    return again(newest.job, user, reason=reason)


def _refuse_older(deployment: Deployment) -> None:
    """An older commit overwrites a newer one only by a rollback, which holds against the next look."""
    service = deployment.service
    newest = service.deployments.first()
    ahead = not _refs_of(service.target).filter(commit=deployment.job.commit_id).exists()
    if ahead or newest is None or newest.release_id != deployment.release_id:
        raise RefusedError(f"{service} has moved on from {deployment.release}: roll back to it instead")


def _refuse_left_behind(release: Release) -> None:
    """An older commit's publication would take the tag back."""
    if not _refs_of(release.target).filter(commit=release.commit_id).exists():
        branch = release.target.branch
        raise RefusedError(f"{branch} has moved on from {release}: published again, it would take the tag back")


def _copy(old: Job) -> Job:
    copy = jobs.queue(
        JobKind(old.kind),
        fingerprint=old.fingerprint,
        exclusive=old.exclusive,
        flavour=old.flavour,
        repository=old.repository,
        commit=old.commit,
        title=old.title,
        level=Level(old.level),
        priority=old.priority,
        pool=old.pool,
        build=old.build,
        release=old.release,
    )
    if old.build:
        Build.objects.filter(pk=old.build.pk).update(job=copy)
    if old.release:
        Release.objects.filter(pk=old.release.pk).update(job=copy)
    if old.kind == JobKind.DEPLOYMENT:
        before = old.deployment_of
        operations.record_deployment(copy, before.service, before.release, rollback=before.rollback)
    return copy


@transaction.atomic
def roll_back(service: Service, release: Release, user: User | None, *, reason: str) -> Rollback:
    """Have a service go back to a release, until its branch moves on or the rollback is lifted.

    :raises RefusedError: the release was never published for this service, or the branch has no head to leave.
    """
    row = (
        Service.objects.select_for_update(of=("self",)).select_related("target__recipe__repository").get(pk=service.pk)
    )
    if release.target_id != row.target_id or not release.digest:
        raise RefusedError(f"{release} was never published for {row}")
    ref = _refs_of(row.target).select_related("commit").first()
    if ref is None:
        raise RefusedError(f"branch {row.target.branch} is gone: there is nothing to go back from")
    if ref.commit_id == release.commit_id:
        raise RefusedError(f"{release} is of the branch's head: deploy it again instead of going back to it")
    Rollback.objects.filter(service=row, lifted_at=None).update(lifted_at=timezone.now())
    rollback = Rollback.objects.create(
        service=row, release=release, away_from=ref.commit.hash, reason=reason, asked_by=user
    )
    activities.record(user, "rolled back", rollback, reason=reason)
    heads.touch(_refs_of(row.target))
    hints.changed()
    return rollback


@transaction.atomic
def lift_rollback(service: Service, user: User | None, *, reason: str = "") -> None:
    """Let a service follow its branch again.

    :raises RefusedError: no rollback is in force.
    """
    rollback = Rollback.objects.select_for_update().filter(service=service, lifted_at=None).first()
    if rollback is None:
        raise RefusedError(f"no rollback of {service} is in force")
    rollback.lifted_at = timezone.now()
    rollback.save(update_fields=["lifted_at"])
    activities.record(user, "lifted the rollback of", service, reason=reason)
    heads.touch(_refs_of(service.target))
    hints.changed()


def _refs_of(target: Target) -> QuerySet[Ref]:
    return Ref.objects.filter(repository=target.recipe.repository_id, name=f"refs/heads/{target.branch}", gone_at=None)
