"""One look at one repository: what is there, what should be, and the difference written down.

A ref has a version that grows with everything its evaluation depends on: its head, its declaration, an input, the end
of a job. `reconcile` evaluates the refs whose version grew since they were evaluated last, and nothing else, so a look
costs as much as what changed. The growth is written in the transaction that makes the change, so no look can be lost;
the schedule `sweep` has everything evaluated now and then all the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import F, Q

from core import metrics
from core.engine.snapshot import evaluate_refs
from core.interfaces import Source
from core.models import Commit, Job, Ref, Repository, Service
from core.pipeline.deployability import deployability
from core.pipeline.evaluate import Evaluation, Status
from core.plugins import plugins
from core.queries import told
from core.services import hints, jobs, messages, operations
from core.services.scope import Scope
from core.states import RefKind

logger = logging.getLogger(__name__)

#: Refs in one transaction: others that want to write wait no longer than this many take.
_BATCH = 50

_STALE = Q(version__gt=F("reconciled_version"))


def stale_repositories(scope: Scope) -> list[int]:
    """The repositories in which something has to be evaluated again."""
    refs = Ref.objects.filter(_STALE).values("repository")
    rows = Repository.objects.filter(scope.repositories()).filter(_STALE | Q(pk__in=refs))
    return list(rows.values_list("pk", flat=True))


def reconcile(repository: int) -> bool:
    """Evaluate what changed in a repository and write down what follows; True when something is left to do, or changed
    meanwhile."""
    with transaction.atomic():
        row = (
            Repository.objects.select_for_update(no_key=True, of=("self",)).select_related("flavour").get(pk=repository)
        )
        stale = list(Ref.objects.filter(_STALE, repository=row).order_by("pk")[: _BATCH + 1])
        batch, more = stale[:_BATCH], len(stale) > _BATCH
        if not batch and row.version == row.reconciled_version:
            return False
        began = time.monotonic()
        if row.retired_at is None:
            live = [ref for ref in batch if ref.gone_at is None]
            before = _versions(row, live)
            evaluation = evaluate_refs(row, live)
            if _versions(row, live) != before:
                return True
            _apply(row, live, evaluation)
        else:
            _cancel_all(row)
        for ref in batch:
            Ref.objects.filter(pk=ref.pk).update(reconciled_version=ref.version)
        if not more and row.version != row.reconciled_version:
            _explain_missing_branches(row)
            Repository.objects.filter(pk=row.pk).update(reconciled_version=row.version)
        metrics.RECONCILED.measure(time.monotonic() - began)
        return more


def _versions(repository: Repository, refs: Sequence[Ref]) -> dict[int, int]:
    """The versions of all refs that are evaluated with some.

    On PostgreSQL each question is answered as of its own moment: a deployment that ends between two of them would be
    seen to have ended, and its service not to have moved. What moved meanwhile has moved one of these. On SQLite nobody
    else writes.
    """
    if connection.vendor != "postgresql":
        return {}
    rows = Ref.objects.filter(repository=repository, gone_at=None, commit__in={ref.commit_id for ref in refs})
    return dict(rows.values_list("pk", "version"))


def _apply(repository: Repository, refs: Sequence[Ref], evaluation: Evaluation) -> None:
    for cancel in evaluation.cancel:
        jobs.withdraw(cancel.job, cancel.reason)
    for operation in evaluation.start:
        operations.start(repository, operation)
    _explain_services(evaluation)
    _report(repository, refs, evaluation)


def _cancel_all(repository: Repository) -> None:
    """A retired repository asks for nothing; a deployment that runs is left to end."""
    active = Job.objects.active().filter(repository=repository).exclude(state="running", deployment_of__isnull=False)
    for job in active:
        jobs.withdraw(job.pk, "its repository was retired")


def _explain_services(evaluation: Evaluation) -> None:
    nodes = evaluation.graph.services()
    for row in Service.objects.filter(pk__in=nodes) if nodes else ():
        state = evaluation.states[nodes[row.pk].id]
        _explain(row, state.status, state.reason)


def _explain_missing_branches(repository: Repository) -> None:
    """Say of each service whose branch does not exist that this is what it waits for."""
    live = Ref.objects.filter(repository=repository, gone_at=None).values_list("name", flat=True)
    rows = Service.objects.filter(target__recipe__repository=repository, retired_at=None).select_related("target")
    branches = {f"refs/heads/{row.target.branch}" for row in rows}
    there = set(live.filter(name__in=branches)) if branches else set()
    for row in rows:
        if f"refs/heads/{row.target.branch}" not in there:
            _explain(row, Status.BLOCKED, _why_missing(repository, row.target.branch))


def _why_missing(repository: Repository, branch: str) -> str:
    if not repository.seen:
        return f"waits for a first look at {repository.name}, whose page says what is in its way and when it is tried again"
    return f"waits for branch {branch}: {repository.name} has none of that name; push one to deploy"


def _explain(service: Service, status: Status, reason: str) -> None:
    if (service.status, service.reason) != (status, reason):
        Service.objects.filter(pk=service.pk).update(status=status, reason=reason)
        hints.changed()


def _report(repository: Repository, refs: Sequence[Ref], evaluation: Evaluation) -> None:
    """Have told what becomes of each commit, where its source can be told.

    Of a commit for which there is nothing to build something is said only if it is a pull request's: it may have to be
    said before that can be merged.
    """
    if repository.flavour.harmless or not _listens(repository):
        return
    hashes = {node.commit for node in evaluation.graph.nodes.values()}
    asking = [ref.commit_id for ref in refs if ref.kind == RefKind.PULL_REQUEST]
    if not hashes and not asking:
        return
    known = told.of_jobs(repository.flavour, [state.job for state in evaluation.states.values() if state.job])
    base = repository.flavour.address
    for commit in Commit.objects.filter(Q(hash__in=hashes) | Q(pk__in=asking), repository=repository):
        messages.status(
            repository, commit, deployability(evaluation, commit.hash, known, f"{base}/commits/{commit.pk}/")
        )


def _listens(repository: Repository) -> bool:
    source = plugins.kinds("sources").get(repository.source)
    return isinstance(source, Source) and type(source).report is not Source.report
