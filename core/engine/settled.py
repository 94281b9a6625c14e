"""Telling when nothing is left to do, and whether all is well then."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from core.engine.reconcile import stale_repositories
from core.engine.snapshot import evaluate_refs
from core.models import Job, Message, Ref, Repository
from core.one_moment import one_moment
from core.pipeline.evaluate import Status
from core.pipeline.graph import NodeKind
from core.queries import gates
from core.services import holds
from core.services.scope import Scope
from core.states import JobState, Level

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


@one_moment()
def settled(scope: Scope, since: datetime, now: datetime) -> bool:
    """Whether every repository was looked at since then and no runner has anything left that it could do or tell.

    All of one moment: a job that ends between two questions leaves something to tell that neither would see.
    """
    repositories = Repository.objects.filter(scope.repositories(), retired_at=None)
    unseen = repositories.filter(Q(looked_at=None) | Q(looked_at__lt=since) | Q(next_look_at__lte=now))
    if unseen.exists() or stale_repositories(scope):
        return False
    # What cannot be told is tried for long; nobody waits for that.
    if Message.objects.filter(version__gt=F("sent_version"), failures=0).exists():
        return False
    active = list(Job.objects.active().filter(scope.jobs()).select_related("flavour"))
    held = {*holds.in_force(now).among(active), *_held_by_gates(active, now)}
    return not any(_can_go_on(job, now, held=job.pk in held) for job in active)


def _held_by_gates(active: Sequence[Job], now: datetime) -> set[int]:
    """Those that a gate holds which does not lift by itself soon."""
    soon = now + timedelta(seconds=_PATIENCE)
    return {
        job
        for job, these in gates.holds_of(active, now).items()
        if any(each.until is None or each.until > soon for each in these)
    }


def _can_go_on(job: Job, now: datetime, *, held: bool) -> bool:
    if job.state == JobState.RUNNING:
        return True
    threshold = job.flavour.threshold_at(now)
    asks = threshold is not None and Level(job.level) >= threshold and job.approved_at is None
    put_off = job.not_before is not None and job.not_before > now + timedelta(seconds=_PATIENCE)
    return not (asks or put_off or held)


def verdict(scope: Scope, expected: Collection[str] = ()) -> Verdict:
    """Sum up. The check builds of the branches in `expected` have to fail."""
    repositories = Repository.objects.filter(scope.repositories(), retired_at=None).select_related("flavour")
    failed = [f"{row.name}: {row.look_error}" for row in repositories if row.look_error]
    broken: set[str] = set()
    for repository in repositories:
        refs = list(Ref.objects.filter(repository=repository, gone_at=None).select_related("commit"))
        evaluation = evaluate_refs(repository, refs)
        for id, state in evaluation.states.items():
            if state.status is not Status.FAILED:
                continue
            node = evaluation.graph.nodes[id]
            branches = {ref.short for ref in refs if ref.commit.hash == node.commit} & set(expected)
            broken |= branches
            if not (branches and node.kind is NodeKind.CHECK):
                failed.append(f"{repository.name}: {node.label} of {node.commit[:10]}: {state.reason}")
    failed += [f"branch {name} was expected to fail and did not" for name in expected if name not in broken]
    active = Job.objects.active().filter(scope.jobs())
    return Verdict(tuple(failed), tuple(f"{job.title}: job {job.pk} waits" for job in active))
