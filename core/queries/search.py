"""Finding things by words: services, repositories, branches, commits, releases and jobs by what they are called, jobs
also by what is in their logs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from core.models import Commit, Job, Ref, Release, Repository, Service
from core.queries.job_logs import JobLog

#: Hits told of one kind.
MOST = 10
#: What was done longer ago than the newest so many is found by its number or its page alone: a bound on the time it takes.
NEWEST = 50_000
#: Lines told of one log.
_LINES = 3
#: Seconds, and logs, after which a search in logs pauses to tell what it found.
_SECONDS, _LOGS = 1.0, 500
_HASH = re.compile(r"(sha256:)?[0-9a-f]{4,64}")
_NUMBER = re.compile(r"#?(\d{1,15})")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    :param kind: `service`, `repository`, `ref`, `commit`, `release` or `job`.
    :param detail: what tells it from others of its name.
    """

    kind: str
    id: int
    title: str
    detail: str


@dataclass(frozen=True, slots=True)
class LogHit:
    """A job whose log has the words: the first lines that do, by their numbers from 0 and their texts."""

    job: Job
    lines: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class LogHits:
    """What was found in logs. `next`: the job before which to go on; None when there is no older one."""

    hits: list[LogHit]
    searched: int
    next: int | None


def search(words: str) -> list[Hit]:
    """What is called so, kind by kind, at most `MOST` of each. A fixed number of queries."""
    words = words.strip()
    return [*_services(words), *_repositories(words), *_refs(words), *_work(words)] if words else []


def in_logs(words: str, before: int | None = None) -> LogHits:
    """Which logs have the words, newest jobs first; as many logs as a second allows."""
    jobs = Job.objects.exclude(log="").select_related("flavour", "repository")
    jobs = jobs.filter(pk__lt=before) if before else jobs
    hits: list[LogHit] = []
    began, searched = time.monotonic(), 0
    last: int | None = None
    for job in jobs.order_by("-pk")[: _LOGS + 1] if words else ():
        if searched == _LOGS or len(hits) == MOST or (searched and time.monotonic() - began > _SECONDS):
            return LogHits(hits, searched, last)
        searched, last = searched + 1, job.pk
        if lines := JobLog(job).excerpts(words, _LINES):
            hits.append(LogHit(job, lines))
    return LogHits(hits, searched, None)


def _services(words: str) -> Iterator[Hit]:
    rows = Service.objects.filter(retired_at=None).select_related("target__recipe__repository")
    named = Q(name__icontains=words) | Q(host__icontains=words) | Q(uri__icontains=words)
    for row in rows.filter(named).order_by("name")[:MOST]:
        yield Hit("service", row.pk, str(row), row.uri or row.target.recipe.repository.name)


def _repositories(words: str) -> Iterator[Hit]:
    for row in Repository.objects.filter(retired_at=None, name__icontains=words).select_related("flavour")[:MOST]:
        yield Hit("repository", row.pk, row.name, row.flavour.name)


def _refs(words: str) -> Iterator[Hit]:
    rows = Ref.objects.filter(gone_at=None).select_related("repository", "commit")
    for row in rows.filter(Q(name__icontains=words) | Q(title__icontains=words)).order_by("-moved_at")[:MOST]:
        yield Hit("ref", row.pk, row.short, f"{row.repository.name}: {row.title or row.commit.title}")


def _work(words: str) -> Iterator[Hit]:
    hexadecimal = words.lower()
    if _HASH.fullmatch(hexadecimal):
        yield from map(_commit, _first(_commits().filter(hash__gte=hexadecimal, hash__lt=hexadecimal + "g")))
        digests = (hexadecimal, f"sha256:{hexadecimal}")
        found = Q(digest__startswith=digests[0]) | Q(digest__startswith=digests[1])
        yield from map(_release, _first(_newest(_releases()).filter(found)))
    yield from map(
        _commit, _first(_newest(_commits()).filter(Q(message__icontains=words) | Q(author__icontains=words)))
    )
    yield from map(_release, _first(_newest(_releases()).filter(image__icontains=words)))
    if number := _NUMBER.fullmatch(words):
        yield from map(_job, Job.objects.filter(pk=int(number[1])))
    named = Q(title__icontains=words) | Q(cause__icontains=words) | Q(reason__icontains=words)
    yield from map(_job, _first(_newest(Job.objects.select_related("repository")).filter(named)))


def _commits() -> QuerySet[Commit]:
    return Commit.objects.select_related("repository")


def _releases() -> QuerySet[Release]:
    return Release.objects.select_related("commit", "target__recipe__repository")


def _commit(row: Commit) -> Hit:
    return Hit("commit", row.pk, f"{row.short} {row.title}", f"{row.repository.name}, {row.author}".rstrip(", "))


def _release(row: Release) -> Hit:
    return Hit("release", row.pk, str(row), row.digest)


def _job(row: Job) -> Hit:
    return Hit("job", row.pk, f"#{row.pk} {row.title}", f"{row.state}: {row.reason}" if row.reason else row.state)


def _newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    last = rows.model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
    return rows.filter(pk__gt=last - NEWEST)


def _first(rows: QuerySet[Any]) -> Iterable[Any]:
    return rows.order_by("-pk")[:MOST]
