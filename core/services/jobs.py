"""Jobs: queueing, claiming, moving, cancelling. The only code that changes a job's state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from core import clock, metrics
from core.errors import RefusedError
from core.logs.diagnosis import Diagnosis
from core.models import Commit, Deployment, Flavour, Job, Ref, Repository
from core.models.jobs import JobQuerySet
from core.plugins import plugins
from core.services import activities, gates, heads, hints, holds, news, outcomes
from core.services.scope import Scope
from core.states import JOB, Actor, JobKind, JobState, Level
from core.values import News

#: For how long a deployment that had begun may be taken up again without asking its gates.
_TO_GO_ON = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that a runner has in hand, until its lease ends."""

    job: int
    runner: str


def queue(
    kind: JobKind,
    *,
    fingerprint: str,
    exclusive: str,
    flavour: Flavour,
    title: str,
    level: Level,
    priority: int,
    pool: str,
    repository: Repository | None = None,
    commit: Commit | None = None,
    **subject: object,
) -> Job:
    """Queue a job. Call it inside a transaction, when no other active job has the same `exclusive`."""
    job = Job.objects.create(
        kind=kind,
        fingerprint=fingerprint,
        exclusive=exclusive,
        flavour=flavour,
        repository=repository,
        commit=commit,
        title=title[:300],
        level=level,
        priority=priority,
        pool=pool,
        **subject,
    )
    job.log = f"{job.created_at:%Y-%m-%d}/{job.pk:06d}-{kind}.log"
    job.save(update_fields=["log"])
    hints.changed()
    return job


def claim(
    runner: str,
    now: datetime,
    lease: timedelta,
    scope: Scope,
    *,
    places: Mapping[str, int],
    limit: int,
    without: Collection[int] = (),
) -> list[Job]:
    """Take jobs that may start now, those that matter most first.

    :param places: how many more each pool can take; a pool that is not named has no limit.
    :param limit: how many to take at most.
    :param without: jobs that this runner still ends its hold on, having lost them: they are for others, or for later.
    """
    full = [pool for pool, free in places.items() if free <= 0]
    rows = startable(now, scope).filter(gates.let_go(now)).exclude(pool__in=full).exclude(pk__in=without)
    rows = rows.select_related("flavour").order_by("priority", "id")
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(rows, runner, now, lease, places, limit) if limit and rows.exists() else []


def startable(now: datetime, scope: Scope) -> JobQuerySet:
    """The jobs that wait and may start now, as far as no gate holds them."""
    # No threshold is one above the highest level.
    threshold = Coalesce(F("flavour__threshold"), Value(len(Level)))
    released = Q(approved_at__isnull=False) | Q(level__lt=threshold) | Q(flavour__threshold_lifts_at__lte=now)
    ready = Q(not_before=None) | Q(not_before__lte=now)
    return holds.in_force(now).release(Job.objects.queued().filter(scope.jobs(), released, ready))


@transaction.atomic
def _take(
    rows: QuerySet[Job], runner: str, now: datetime, lease: timedelta, places: Mapping[str, int], limit: int
) -> list[Job]:
    left = dict(places)
    taken: list[Job] = []
    for job in rows.select_for_update(no_key=True, skip_locked=True, of=("self",))[: limit * 2]:
        if len(taken) == limit:
            break
        if left.get(job.pool, 1) <= 0:
            continue
        if job.pool in left:
            left[job.pool] -= 1
        if job.started_at is None:
            waited = (now - job.created_at).total_seconds()
            transaction.on_commit(partial(metrics.QUEUED.measure, max(waited, 0), kind=job.kind))
        job.begun_before, job.put_back_for = job.started_at is not None, job.reason
        held = {"runner": runner, "lease_until": now + lease}
        _move(job, JobState.RUNNING, Actor.RUNNER, started_at=now, reason="", **held)
        taken.append(job)
    return taken


def renew(runner: str, now: datetime, lease: timedelta, held: Collection[int]) -> None:
    """Keep the jobs that a runner has in hand, as far as nobody else has taken them over."""
    Job.objects.running().filter(runner=runner, pk__in=list(held)).update(lease_until=now + lease)


def in_hand(runner: str) -> dict[int, str]:
    """The jobs that a runner has, each with the reason of a cancel if one was asked for."""
    return dict(Job.objects.running().filter(runner=runner).values_list("pk", "cancel_reason"))


@transaction.atomic
def finish(
    claim: Claim,
    state: JobState,
    *,
    reason: str = "",
    value: str = "",
    seen_digest: str | None = None,
    unhealthy: bool = False,
    diagnosis: Diagnosis | None = None,
) -> bool:
    """End a job; False when the runner had lost it and nothing was changed.

    :param unhealthy: a service was moved and was not well then.
    :param diagnosis: what the log of one that failed says of the cause.
    """
    job = _held(claim)
    if job is None:
        return False
    told = diagnosed(diagnosis) if diagnosis else {}
    _move(job, state, Actor.RUNNER, reason=reason, value=value, finished_at=clock.now(), lease_until=None, **told)
    outcomes.record(job, seen_digest, unhealthy=unhealthy)
    return True


def diagnosed(diagnosis: Diagnosis) -> dict[str, object]:
    """A diagnosis as the fields of a job."""
    places = [{"path": each.path, "line": each.line, "message": each.message} for each in diagnosis.places]
    return {"rule": diagnosis.rule, "cause": diagnosis.cause, "excerpt": diagnosis.excerpt, "places": places}


@transaction.atomic
def explain(runner: str, reasons: Mapping[int, str]) -> None:
    """Write down what jobs that a runner has in hand wait for; empty where they do not wait any more."""
    for job, reason in reasons.items():
        Job.objects.running().filter(pk=job, runner=runner).exclude(reason=reason).update(reason=reason)
    hints.changed()


@transaction.atomic
def put_back(claim: Claim, *, reason: str, not_before: datetime | None, counts: bool) -> bool:
    """Queue a job again, for an error that may pass or a graceful stop. `counts`: it was an attempt that failed."""
    job = _held(claim)
    if job is None:
        return False
    _queue_again(job, reason, not_before=not_before, attempts=job.attempts + counts)
    if job.kind == JobKind.DEPLOYMENT:
        outcomes.put_off(job, reason)
        # Half-way is nowhere: what a stopped runner had in hand goes on. After an error, gates may say otherwise.
        stopped = not counts and not_before is not None and not_before <= clock.now()
        _keep_let_go(job) if stopped else gates.ask_again(Deployment.objects.filter(job=job))
    return True


def _keep_let_go(job: Job) -> None:
    """Have what had begun go on without asking its gates again."""
    Deployment.objects.filter(job=job).update(let_go_until=clock.now() + _TO_GO_ON)


def _queue_again(job: Job, reason: str, **fields: object) -> None:
    """Queue a job again that ran; one whose end was asked for has come to it."""
    if job.cancel_reason:
        now = clock.now()
        _move(job, JobState.CANCELLED, Actor.RUNNER, reason=job.cancel_reason, finished_at=now, lease_until=None)
        outcomes.record(job, None)
    else:
        _move(job, JobState.QUEUED, Actor.RUNNER, reason=reason, runner="", lease_until=None, **fields)


def take_back(runners: Iterable[str] | None, now: datetime) -> int:
    """Queue again what runners left behind: those named, or everybody whose lease has ended."""
    lost = Job.objects.running()
    lost = lost.filter(lease_until__lt=now) if runners is None else lost.filter(runner__in=list(runners))
    return _take_back(lost) if lost.exists() else 0


@transaction.atomic
def _take_back(lost: QuerySet[Job]) -> int:
    rows = list(lost.select_for_update(no_key=True, skip_locked=True))
    for job in rows:
        _queue_again(job, f"Runner {job.runner} was lost while it ran this; it is taken up again")
        _keep_let_go(job)
    return len(rows)


@transaction.atomic
def cancel(job: Job, user: User, *, reason: str) -> None:
    """Cancel a job for a person: at once when it waits, as soon as its runner hears of it when it runs.

    :raises RefusedError: it is over, or somebody cancelled it already.
    """
    row = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    if not row.is_active:
        raise RefusedError(f"job {row.pk} cannot be cancelled: it has {row.state}")
    if row.cancelled_by_person:
        raise RefusedError(f"job {row.pk} is being cancelled already: {row.cancel_reason}")
    activities.record(user, "cancelled", row, reason=reason)
    _cancel(row, Actor.PERSON, reason)


@transaction.atomic
def withdraw(job: int, reason: str) -> None:
    """Cancel a job that nothing asks for any more, unless it is over or a person was quicker."""
    row = Job.objects.active().select_for_update(no_key=True).filter(pk=job, cancel_reason="").first()
    if row:
        _cancel(row, Actor.RECONCILE, reason)


def _cancel(row: Job, actor: Actor, reason: str) -> None:
    row.cancel_reason = reason or "a person cancelled it"
    row.cancelled_by_person = actor is Actor.PERSON
    row.save(update_fields=["cancel_reason", "cancelled_by_person"])
    if row.state == JobState.QUEUED:
        _move(row, JobState.CANCELLED, actor, reason=row.cancel_reason, finished_at=clock.now())
    hints.changed()


def _held(claim: Claim) -> Job | None:
    rows = Job.objects.running().filter(pk=claim.job, runner=claim.runner).select_for_update(no_key=True, of=("self",))
    return rows.select_related("flavour").first()


def _move(job: Job, new: JobState, actor: Actor, **fields: object) -> None:
    """Apply a move, have what depends on it looked at again, and tell the plugins once it is committed."""
    old = JobState(job.state)
    JOB.check(old, new, actor)
    job.state = new
    for name, value in fields.items():
        setattr(job, name, value)
    job.save(update_fields=["state", *fields])
    # That a deployment runs is told of its service: it may take long.
    if new is not JobState.RUNNING or job.kind == JobKind.DEPLOYMENT:
        touch(job)
    if job.kind == JobKind.DEPLOYMENT:
        news.of_deployment(job)
    if new in JOB.final:
        transaction.on_commit(partial(_measure, job, old, new))
    moved = News(flavour=job.flavour.name, key=f"job-{job.pk}", state=new, text=f"{job.title}: {new}")
    transaction.on_commit(lambda: plugins.job_moved(moved))
    hints.changed()


def _measure(job: Job, old: JobState, new: JobState) -> None:
    metrics.JOBS.count(kind=job.kind, outcome=new)
    if job.kind == JobKind.DEPLOYMENT:
        metrics.DEPLOYMENTS.count(flavour=job.flavour.name, outcome=new)
        if job.deployment_of.drift:
            by = "person" if job.deployment_of.asked_by_id else "deployer"
            metrics.REPAIRS.count(flavour=job.flavour.name, by=by, outcome=new)
    if old is JobState.RUNNING and job.started_at and job.finished_at:
        seconds = (job.finished_at - job.started_at).total_seconds()
        metrics.RAN.measure(max(seconds, 0), kind=job.kind, outcome=new)


def touch(job: Job) -> None:
    """Have evaluated again what this job's state decides."""
    if job.repository_id is None:
        return
    touched = Q(repository=job.repository_id, commit_id=job.commit_id)
    if target := outcomes.target_of(job):
        # Perhaps of another repository: a service may have moved there since.
        touched |= Q(repository=target.recipe.repository_id, name=f"refs/heads/{target.branch}")
    heads.touch(Ref.objects.filter(touched))
