"""What a person asks for: a look, again, back to an older release, forward again."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from core import clock
from core.errors import RefusedError
from core.models import Build, Deployment, Input, Job, Ref, Release, Repository, Rollback, Service, Target
from core.pipeline.evaluate import Status
from core.pipeline.operations import Deploy
from core.services import activities, heads, hints, jobs, operations, standing, unhealthy
from core.states import JobKind, Level


@transaction.atomic
def look(repository: Repository, user: User, *, reason: str = "") -> None:
    """Have a repository's source asked for its heads as soon as a runner can.

    :raises RefusedError: it is retired.
    """
    if repository.retired_at is not None:
        raise RefusedError(f"{repository} is retired: nobody looks after it any more")
    activities.record(user, "asked for a look at", repository, reason=reason)
    heads.ask([repository], clock.now())


@transaction.atomic
def read(input: Input, user: User, *, reason: str = "") -> None:
    """Have an input read as soon as a runner can.

    :raises RefusedError: it is retired.
    """
    if input.retired_at is not None:
        raise RefusedError(f"input {input} is retired: nobody reads it any more")
    Input.objects.filter(pk=input.pk).update(next_read_at=clock.now())
    activities.record(user, "asked to read", input, reason=reason)
    hints.changed()


@transaction.atomic
def again(job: Job, user: User, *, reason: str = "") -> Job:
    """Do an operation again: rebuild, publish again, deploy again. Of several jobs of an operation, the newest counts.

    :raises RefusedError: something that it must not run beside goes on, or it is a publication or a deployment that is
        of the past.
    """
    # What is queued by an evaluation meanwhile has to come clearly before it or after it: the later job counts.
    Repository.objects.select_for_update(no_key=True, of=("self",)).filter(jobs=job).first()
    old = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    if active := Job.objects.active().filter(exclusive=old.exclusive).first():
        raise RefusedError(f"job {active.pk} ({active.title}) has to end first")
    if old.repository is None:
        raise RefusedError("an input is read again by asking for it on its own page")
    if old.kind == JobKind.DEPLOYMENT:
        _refuse_older(old.deployment_of)
        unhealthy.lift(old.deployment_of.service, old.deployment_of.release.digest, user, reason=reason)
    if old.release is not None:
        _refuse_left_behind(old.release)
    row = _copy(old, user, reason)
    activities.record(user, "asked again for", row, reason=reason)
    if row.commit:
        heads.touch(row.commit.refs.all())
    return row


@transaction.atomic
def redeploy(service: Service, user: User, *, reason: str = "", confirmed: str = "") -> Job:
    """Deploy once more what a service was moved to last: to start it anew, or to try again what it was not well with.

    :param confirmed: where the service stood when the person confirmed it (`core.services.standing`).
    :raises RefusedError: it was never deployed, something that it must not run beside goes on, or it has moved on.
    """
    _hold_still(service)
    standing.check(service, confirmed)
    newest = _pushed(service).select_related("job").first()
    if newest is None:
        raise RefusedError(f"{service} was never deployed: push to {service.target.branch}")
    head = _refs_of(service.target).first()
    if head and (release := unhealthy.held_back(service, head.commit_id)):
        return _deploy(service, release, user, reason=reason)
    return again(newest.job, user, reason=reason)


@transaction.atomic
def put_right(service: Service, user: User, *, reason: str = "", confirmed: str = "") -> Job:
    """Deploy once more what a service should run, as what it runs was changed by somebody else.

    :param confirmed: where the service stood when the person confirmed it (`core.services.standing`).
    :raises RefusedError: nothing was changed, something that it must not run beside goes on, or it has moved on.
    """
    _hold_still(service)
    standing.check(service, confirmed)
    row = Service.objects.select_related("target__recipe__repository__flavour", "current").get(pk=service.pk)
    if row.retired_at is not None:
        raise RefusedError(f"{row} is retired: nothing moves it any more")
    if row.current is None or not row.drift:
        raise RefusedError(f"{row} has no drift: it runs what its latest deployment said, as far as anybody has seen")
    job = _deploy(row, row.current, user, reason=reason, repairs=row.drift)
    activities.record(user, "asked to put right", row, reason=reason)
    return job


def _deploy(service: Service, release: Release, user: User, *, reason: str, repairs: str = "") -> Job:
    """Move a service to a release that no rollback stands in the way of, for a person.

    :raises RefusedError: something that it must not run beside goes on.
    """
    if active := Job.objects.active().filter(exclusive=f"service:{service.pk}").first():
        raise RefusedError(f"job {active.pk} ({active.title}) has to end first")
    level = service.deployments.select_related("job")[0].job.level
    operation = Deploy(
        service=service.pk,
        release=release.fingerprint,
        commit=release.commit.hash,
        repairs=repairs,
        level=Level(level),
    )
    unhealthy.lift(service, release.digest, user, reason=reason)
    job = operations.deploy(service.target.recipe.repository, release.commit, operation, user, reason)
    if not repairs:
        activities.record(user, "asked again for", job, reason=reason)
    heads.touch(_refs_of(service.target))
    return job


def _pushed(service: Service) -> QuerySet[Deployment]:
    """The deployments of a service but for those that put drift right, newest first."""
    return service.deployments.filter(drift="")


def _refuse_older(deployment: Deployment) -> None:
    """An older commit overwrites a newer one only by a rollback, which holds against the next look."""
    service = deployment.service
    if deployment.drift:
        raise RefusedError(f"what {service} has drifted from is put right on its own page, while there is drift")
    newest = _pushed(service).first()
    ahead = not _refs_of(service.target).filter(commit=deployment.job.commit_id).exists()
    if ahead or newest is None or newest.release_id != deployment.release_id:
        raise RefusedError(f"{service} has moved on from {deployment.release}: roll back to it instead")


def _refuse_left_behind(release: Release) -> None:
    """An older commit's publication would take the tag back."""
    if not _refs_of(release.target).filter(commit=release.commit_id).exists():
        branch = release.target.branch
        raise RefusedError(f"{branch} has moved on from {release}: published again, it would take the tag back")


def _copy(old: Job, user: User, reason: str) -> Job:
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
        operations.record_deployment(
            copy, before.service, before.release, rollback=before.rollback, asked_by=user, asked_why=reason
        )
    return copy


@transaction.atomic
def roll_back(service: Service, release: Release, user: User | None, *, reason: str, confirmed: str = "") -> Rollback:
    """Have a service go back to a release, until its branch moves on or the rollback is lifted.

    :param confirmed: where the service stood when the person confirmed it (`core.services.standing`).
    :raises RefusedError: the release was never published for this service, the branch has no head to leave, the
        service has moved on, or somebody was quicker.
    """
    _hold_still(service)
    standing.check(service, confirmed, release)
    row = (
        Service.objects.select_for_update(no_key=True, of=("self",))
        .select_related("target__recipe__repository")
        .get(pk=service.pk)
    )
    if release.target_id != row.target_id or not release.digest:
        raise RefusedError(f"{release} was never published for {row}")
    if release.image_removed_at:
        when = f"{release.image_removed_at:%Y-%m-%d}"
        raise RefusedError(f"the image of {release} was removed on {when}, as nobody was likely to go back to it")
    ref = _refs_of(row.target).select_related("commit").first()
    if ref is None:
        raise RefusedError(f"branch {row.target.branch} is gone: there is nothing to go back from")
    if ref.commit_id == release.commit_id:
        raise RefusedError(f"{release} is of the branch's head: deploy it again instead of going back to it")
    in_force = Rollback.objects.filter(service=row, lifted_at=None).select_related("asked_by")
    same = in_force.filter(release=release, away_from=ref.commit.hash).first()
    # Where the first did not get there, who asks again wants it tried again.
    if same is not None and row.status not in (Status.FAILED, Status.CANCELLED):
        by = same.asked_by.get_username() if same.asked_by else "the deployer"
        raise RefusedError(f"{row} was sent back to {release} already, by {by}")
    in_force.update(lifted_at=clock.now())
    unhealthy.lift(row, release.digest, user, reason=reason)
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
    rollback = Rollback.objects.select_for_update(no_key=True).filter(service=service, lifted_at=None).first()
    if rollback is None:
        raise RefusedError(f"no rollback of {service} is in force")
    rollback.lifted_at = clock.now()
    rollback.save(update_fields=["lifted_at"])
    activities.record(user, "lifted the rollback of", service, reason=reason)
    heads.touch(_refs_of(service.target))
    hints.changed()


def _hold_still(service: Service) -> None:
    """Keep evaluations, which start deployments, from coming between a look and what is done about it."""
    Repository.objects.select_for_update(no_key=True, of=("self",)).get(pk=service.target.recipe.repository_id)


def _refs_of(target: Target) -> QuerySet[Ref]:
    return Ref.objects.filter(repository=target.recipe.repository_id, name=f"refs/heads/{target.branch}", gone_at=None)
