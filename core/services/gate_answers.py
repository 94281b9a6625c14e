"""Which deployments' gates are to be asked, and what they said: written down, told, and believed for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from core.models import Deployment, Job
from core.pipeline.gates import Answer, holding, why
from core.services import exceptions, gates, hints, jobs, news, outcomes
from core.services.scope import Scope
from core.states import JobState

#: For how long nobody else asks the gates of a deployment that one runner is asking: longer than they have to answer.
_LEASE = timedelta(seconds=90)
#: How long the answer that nothing holds it lets a deployment start.
_LET_GO = timedelta(seconds=10)
#: How long it may take until gates that let a deployment go, which cannot start yet for other reasons, are asked again.
_INTERVAL = timedelta(seconds=30)


def claim(now: datetime, scope: Scope, startable: QuerySet[Job], *, limit: int) -> list[Deployment]:
    """Take deployments whose gates are to be asked. They are nobody else's until that is recorded, or the lease has ended.

    :param startable: the jobs that may start as far as all else is concerned: their gates are asked again as soon as their
        last answer counts no more.
    """
    free = Q(gates_lease_until=None) | Q(gates_lease_until__lt=now)
    due = Q(gates_due_at=None) | Q(gates_due_at__lte=now) | Q(let_go_until__lte=now, job__in=startable.values("pk"))
    queued = Job.objects.queued().filter(scope.jobs())
    rows = Deployment.objects.filter(gates.gated(), free, due, job__in=queued.values("pk"))
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(rows, now, limit) if limit and rows.exists() else []


@transaction.atomic
def _take(rows: QuerySet[Deployment], now: datetime, limit: int) -> list[Deployment]:
    taken = list(
        rows.order_by("gates_due_at", "pk").select_for_update(no_key=True, skip_locked=True, of=("self",))[:limit]
    )
    until = now + _LEASE
    Deployment.objects.filter(pk__in=[row.pk for row in taken]).update(gates_lease_until=until)
    for row in taken:
        row.gates_lease_until = until
    return taken


@transaction.atomic
def record(asked: Deployment, said: Sequence[Answer], due: datetime, now: datetime) -> bool:
    """Write down what the gates of a deployment said; False where that counts no more, and they are asked again.

    :param asked: as it was claimed.
    :param due: when those that hold want to be asked again.
    """
    job = Job.objects.select_for_update(no_key=True, of=("self",)).select_related("flavour").get(pk=asked.job_id)
    row = Deployment.objects.select_for_update(no_key=True, of=("self",)).get(pk=asked.pk)
    if job.state != JobState.QUEUED or row.gates_lease_until != asked.gates_lease_until:
        return False
    granted = exceptions.of_deployment(row, now)
    said = [
        replace(each, holds=False, excepted=granted[each.key].sentence) if each.holds and each.key in granted else each
        for each in said
    ]
    before, holds = gates.answers(row), holding(said)
    row.gates, row.gates_asked_at, row.gates_lease_until = gates.kept(said), now, None
    row.gates_due_at = due if holds else now + _INTERVAL
    row.let_go_until = None if holds else now + _LET_GO
    row.save(update_fields=["gates", "gates_asked_at", "gates_lease_until", "gates_due_at", "let_go_until"])
    _tell(job, holding(before), holds)
    if before != said or not holds:
        hints.changed()
    return True


def _tell(job: Job, before: Sequence[Answer], holds: Sequence[Answer]) -> None:
    """Have the job say what holds it, have that remembered, and tell people where other gates hold it than before."""
    reason = ". ".join(why(each) for each in holds)
    if reason != ". ".join(why(each) for each in before):
        job.reason = reason
        job.save(update_fields=["reason"])
        outcomes.put_off(job, reason)
        jobs.touch(job)
    if [each.key for each in holds] != [each.key for each in before]:
        news.of_deployment(job)
