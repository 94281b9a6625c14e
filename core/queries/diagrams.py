"""Which refs a diagram shows, and what it tells of services, releases and jobs besides their evaluation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q

from core.models import Build, Job, Ref, Release, Repository, Service, Target
from core.pipeline.diagram.flow import ServiceSeen
from core.queries import waiting
from core.states import Health, JobState, Purpose

#: What broke longer ago than this is known by now.
_RECENT = timedelta(days=14)
#: Refs of a repository that no target follows, and how many are looked through for them in all.
_OTHERS, _LOOKED_THROUGH = 8, 400
#: Keys in one query: below every database's limit on parameters.
_BATCH = 500
#: What is read of a service.
_SEEN = (
    "name",
    "host",
    "status",
    "reason",
    "current",
    "current_digest",
    *(f"observed_{what}" for what in ("digest", "health", "detail", "drift", "at")),
)


@dataclass(frozen=True, slots=True)
class ShownRefs:
    """Refs of several repositories.

    :param deployed: those that a target follows, all of them.
    :param others: of the others, those with a job in hand, and those that broke lately; those that moved last first.
    :param counts: how many live refs each repository has.
    """

    deployed: list[Ref]
    others: list[Ref]
    counts: Mapping[int, int]


def refs_that_matter(repositories: Collection[Repository], now: datetime) -> ShownRefs:
    """Choose the refs to show. Four queries."""
    targets = Target.objects.filter(
        recipe__repository__in=repositories, retired_at=None, recipe__retired_at=None
    ).values_list("recipe__repository", "branch")
    followed = {(repository, f"refs/heads/{branch}") for repository, branch in targets}
    live = Ref.objects.filter(repository__in=repositories, gone_at=None).select_related("commit")
    live = live.only("name", "repository", "commit__hash", "commit__message")
    deployed = [
        ref for ref in live.filter(name__in={name for _, name in followed}) if (ref.repository_id, ref.name) in followed
    ]
    in_hand = Exists(Job.objects.active().filter(commit=OuterRef("commit")))
    broken = Exists(Build.objects.filter(commit=OuterRef("commit"), purpose=Purpose.CHECK, job__state=JobState.FAILED))
    candidates = live.filter(in_hand | (Q(moved_at__gte=now - _RECENT) & broken)).order_by("-moved_at", "name")
    taken: Counter[int] = Counter()
    others = []
    known = {ref.pk for ref in deployed}
    for ref in candidates[:_LOOKED_THROUGH]:
        if ref.pk not in known and taken[ref.repository_id] < _OTHERS:
            taken[ref.repository_id] += 1
            others.append(ref)
    counted = live.values_list("repository").annotate(count=Count("pk")).order_by()
    return ShownRefs(deployed, others, dict(counted))


def services_seen(repositories: Collection[Repository]) -> Mapping[int, list[ServiceSeen]]:
    """The services in use, by their repository. One query."""
    rows = Service.objects.filter(
        target__recipe__repository__in=repositories,
        retired_at=None,
        target__retired_at=None,
        target__recipe__retired_at=None,
    ).annotate(branch=F("target__branch"), repository=F("target__recipe__repository"))
    found: dict[int, list[ServiceSeen]] = defaultdict(list)
    for row in rows.only(*_SEEN).order_by("target", *Service.IN_ORDER):
        seen = ServiceSeen(id=row.pk, name=str(row), branch=row.branch, reason=row.reason, unwell=_unwell(row))
        found[row.repository].append(seen)
    return found


def _unwell(row: Service) -> str:
    if row.current_id and row.observed_health in (Health.UNHEALTHY, Health.ABSENT):
        return f"it is {row.observed_health}{f': {row.observed_detail}' if row.observed_detail else ''}"
    return row.drift


def release_pages(fingerprints: Iterable[str]) -> dict[str, str]:
    """The page of each release that there is, by its fingerprint."""
    wanted = list(fingerprints)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _BATCH):
        rows = Release.objects.filter(fingerprint__in=wanted[start : start + _BATCH])
        found.update((fingerprint, f"/releases/{pk}/") for fingerprint, pk in rows.values_list("fingerprint", "pk"))
    return found


def waits(jobs: Collection[int], now: datetime) -> dict[int, str]:
    """Why those of some jobs wait that do."""
    wanted = sorted(jobs)
    rows: list[Job] = []
    for start in range(0, len(wanted), _BATCH):
        rows += Job.objects.queued().filter(pk__in=wanted[start : start + _BATCH]).select_related("flavour")
    return waiting.reasons(rows, now) if rows else {}
