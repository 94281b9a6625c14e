"""The history of deployments: who caused each, what held it and for how long, and how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from core import clock
from core.models import Deployment, Hold, Job
from core.queries import waiting
from core.states import HoldKind, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which deployments are wanted; what is empty restricts nothing.

    :param service: a key.
    :param outcome: the state of their jobs.
    :param person: a part of the name of who asked for, approved or wrote it.
    """

    flavour: str = ""
    repository: str = ""
    service: int | None = None
    outcome: str = ""
    person: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def of(self, rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
        """Restrict a query."""
        wanted = {
            "service__target__recipe__repository__flavour__name": self.flavour,
            "service__target__recipe__repository__name": self.repository,
            "service": self.service,
            "job__state": self.outcome,
            "created_at__gte": self.since,
            "created_at__lt": self.until,
        }
        rows = rows.filter(**{name: value for name, value in wanted.items() if value})
        if self.person:
            names = ("asked_by__username", "job__approved_by__username", "release__commit__author")
            rows = rows.filter(_any(names, self.person))
        return rows


def _any(names: Iterable[str], words: str) -> Q:
    found = Q()
    for name in names:
        found |= Q(**{f"{name}__icontains": words})
    return found


@dataclass(frozen=True, slots=True)
class Held:
    """Something that a deployment waited for, and between which moments; `until` is None while it does."""

    reason: str
    since: datetime
    until: datetime | None

    @property
    def seconds(self) -> float:
        return ((self.until or clock.now()) - self.since).total_seconds()


@dataclass(frozen=True, slots=True)
class Past:
    """A deployment, with what a person asks of it afterwards.

    :param who: the person who asked for it, or the author of the commit that was pushed.
    :param why: what led to it: `push`, `rollback`, `asked for`, `published again`, `moved back`, `drift put right`.
    :param reason: why it waits, or how it ended.
    """

    deployment: Deployment
    who: str
    why: str
    reason: str
    held: Sequence[Held]


def rows() -> QuerySet[Deployment]:
    """All deployments, newest first, with what `pasts` needs."""
    return Deployment.objects.select_related(
        "service__target__recipe__repository__flavour",
        "release__commit__repository",
        "previous__commit",
        "job__flavour",
        "job__approved_by",
        "asked_by",
        "lifted_by",
    )


def pasts(deployments: Iterable[Deployment]) -> list[Past]:
    """What there is to tell of deployments. A fixed number of queries."""
    these = list(deployments)
    now = clock.now()
    reasons = waiting.reasons([each.job for each in these], now)
    holds = _holds(these)
    return [Past(each, *cause(each), reasons[each.job_id].rstrip("."), _held(each, holds, now)) for each in these]


def cause(row: Deployment) -> tuple[str, str]:
    """Who caused a deployment, and what led to it (`Past.who`, `Past.why`)."""
    if row.rollback:
        return row.asked_by.get_username() if row.asked_by else "a person", "rollback"
    if row.drift:
        return row.asked_by.get_username() if row.asked_by else "the deployer", "drift put right"
    if row.asked_by:
        return row.asked_by.get_username(), "asked for"
    if row.previous_id == row.release_id:
        return "the deployer", "published again" if row.previous_digest != row.digest else "moved back"
    return row.release.commit.author.partition(" <")[0] or "somebody", "push"


def _holds(these: Sequence[Deployment]) -> dict[tuple[str, int], list[Hold]]:
    """What may have held them, by flavour and by service."""
    if not these:
        return {}
    services = {each.service_id for each in these}
    flavours = {each.job.flavour_id for each in these}
    oldest = min(each.created_at for each in these)
    found = Hold.objects.filter(Q(service__in=services) | Q(service=None, flavour__in=flavours))
    found = found.filter(Q(lifted_at=None) | Q(lifted_at__gt=oldest)).select_related("owner", "flavour")
    known: dict[tuple[str, int], list[Hold]] = defaultdict(list)
    for hold in found.order_by("since"):
        known["service" if hold.service_id else "flavour", hold.service_id or hold.flavour_id].append(hold)
    return known


def _held(row: Deployment, holds: dict[tuple[str, int], list[Hold]], now: datetime) -> list[Held]:
    """What it waited for: approval, locks and the like, and what it was put off for; in the order of time."""
    job, began = row.job, _began(row.job)
    those = [*holds.get(("service", row.service_id), []), *holds.get(("flavour", job.flavour_id), [])]
    found = [_between(hold, row, began, now) for hold in those if _concerns(hold, row)]
    if job.approved_at and job.approved_by:
        found.append(Held(f"Approved by {job.approved_by.get_username()}", row.created_at, job.approved_at))
    moments = [datetime.fromisoformat(each["since"]) for each in row.put_off]
    ends = [*moments[1:], began]
    found += [
        Held(each["reason"], at, end)
        for each, at, end in zip(row.put_off, moments, ends, strict=False)
        if each["reason"]
    ]
    return sorted((each for each in found if each and each.seconds > 0), key=lambda each: each.since)


def _began(job: Job) -> datetime | None:
    """When its last attempt began, or when it ended without one; None while it waits."""
    return None if job.state == JobState.QUEUED else job.started_at or job.finished_at


def _concerns(hold: Hold, row: Deployment) -> bool:
    if hold.kind == HoldKind.PAUSE:
        return not row.rollback and row.asked_by_id is None
    return hold.kind == HoldKind.LOCK or not row.rollback


def _between(hold: Hold, row: Deployment, began: datetime | None, now: datetime) -> Held:
    ends = [each for each in (hold.lifted_at, hold.until, began) if each]
    end = min(ends) if ends else None
    return Held(hold.sentence, max(hold.since, row.created_at), end if end is None or end <= now else None)
