"""Telling when nothing is left to do, and whether all is well then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Q, QuerySet

from core.engine.reconcile import stale_repositories
from core.models import Job, Ref, Repository, Service
from core.pipeline.evaluate import Status
from core.services.scope import Scope
from core.states import JobKind, JobState, Level, Purpose

#: Seconds that a job which is put off is waited for; one that is put off longer is held.
_PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is there once nothing is left to do.

    :param failed: what failed and should not have, or did not fail and should have; one sentence each.
    :param waiting: what waits for a person or a gate, one sentence each.
    """

    failed: tuple[str, ...]
    waiting: tuple[str, ...]


def settled(scope: Scope, since: datetime, now: datetime) -> bool:
    """Whether every repository was looked at since then and no runner has anything left that it could do."""
    repositories = Repository.objects.filter(scope.repositories(), retired_at=None)
    unseen = repositories.filter(Q(looked_at=None) | Q(looked_at__lt=since) | Q(next_look_at__lte=now))
    if unseen.exists() or stale_repositories(scope):
        return False
    return not any(_can_go_on(job, now) for job in Job.objects.active().filter(scope.jobs()).select_related("flavour"))


def _can_go_on(job: Job, now: datetime) -> bool:
    threshold = job.flavour.threshold_at(now)
    asks = threshold is not None and Level(job.level) >= threshold and job.approved_at is None
    held = job.not_before is not None and job.not_before > now + timedelta(seconds=_PATIENCE)
    return job.state == JobState.RUNNING or not (asks or held)


def verdict(scope: Scope, expected: Collection[str] = ()) -> Verdict:
    """Sum up. The check builds of the branches in `expected` have to fail."""
    failed = [f"{row.name}: {row.look_error}" for row in _repositories(scope).exclude(look_error="")]
    refs = Ref.objects.filter(repository__in=_repositories(scope), gone_at=None).select_related("commit")
    names: dict[int, set[str]] = {}
    for ref in refs:
        names.setdefault(ref.commit_id, set()).add(ref.short)
    broken: set[str] = set()
    for job in _newest_builds(scope, names):
        branches = names[job.commit_id] if job.commit_id else set()
        if job.state != JobState.FAILED:
            continue
        broken |= branches
        if not (branches & set(expected) and job.build and job.build.purpose == Purpose.CHECK):
            failed.append(f"{job.title}: {job.reason}")
    failed += [f"branch {name} was expected to fail and did not" for name in expected if name not in broken]
    services = Service.objects.filter(scope.services(), retired_at=None)
    failed += [f"{row}: {row.reason}" for row in services.filter(status=Status.FAILED)]
    active = Job.objects.active().filter(scope.jobs())
    return Verdict(tuple(failed), tuple(f"{job.title}: job {job.pk} waits" for job in active))


def _repositories(scope: Scope) -> QuerySet[Repository]:
    return Repository.objects.filter(scope.repositories(), retired_at=None)


def _newest_builds(scope: Scope, commits: Collection[int]) -> list[Job]:
    """The newest job of every build, and of every release, on commits that some ref points to."""
    rows = Job.objects.filter(scope.jobs(), kind__in=(JobKind.BUILD, JobKind.RELEASE), commit__in=commits)
    newest = rows.values("fingerprint").annotate(newest=Max("pk")).values("newest")
    return list(Job.objects.filter(pk__in=newest).select_related("build"))
