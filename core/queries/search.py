"""Finding things by words: services, repositories, branches, commits, builds, releases, deployments, jobs and people, by
what they are called and by what belongs to them; jobs also by what is in their logs."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from core.errors import OperationError
from core.models import Activity, Build, Commit, Deployment, Job, Ref, Release, Repository, Service
from core.queries import addresses
from core.queries.job_logs import JobLog

#: Hits told of one kind.
MOST = 10
#: Characters that are looked for; what is longer is cut.
LONGEST = 200
#: What was done longer ago than the newest so many is found by its number, its commit or its service: a bound on the
#: time it takes.
NEWEST = 50_000
#: Lines told of one log.
_LINES = 3
#: Seconds, and logs, after which a search in logs pauses to tell what it found.
_SECONDS, _LOGS = 1.0, 500
_HASH = re.compile(r"(sha256:)?[0-9a-f]{4,64}")
_NUMBER = re.compile(r"#?([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    :param kind: `service`, `repository`, `ref`, `commit`, `release`, `deployment`, `build`, `job` or `person`.
    :param detail: what tells it from others of its name.
    :param page: the address of the page about it.
    """

    kind: str
    id: int
    title: str
    detail: str
    page: str


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


def cleaned(words: str) -> str:
    """Words as they are looked for: without what no text in the database has, and not longer than `LONGEST`."""
    return words.replace("\0", " ").strip()[:LONGEST]


def search(words: str) -> list[Hit]:
    """What is called so, kind by kind, at most `MOST` of each. A fixed number of queries."""
    words = cleaned(words)
    if not words:
        return []
    services, repositories = _services(words), _repositories(words)
    commits, releases = _commits(words), _releases(words)
    return [
        *(_hit("service", row, str(row), row.uri or row.target.recipe.repository.name) for row in services),
        *(_hit("repository", row, row.name, row.flavour.name) for row in repositories),
        *map(_ref, _refs(words)),
        *map(_commit, commits),
        *(_hit("release", row, str(row), row.digest or "not published yet") for row in releases),
        *map(_deployment, _deployments(words, services, commits, releases)),
        *map(_build, _builds(words, repositories, commits)),
        *map(_job, _jobs(words)),
        *map(_person, _people(words)),
    ]


def in_logs(words: str, before: int | None = None) -> LogHits:
    """Which logs have the words, newest jobs first; as many logs as a second allows."""
    words = cleaned(words)
    jobs = Job.objects.exclude(log="").filter(log_removed_at=None).select_related("flavour", "repository")
    jobs = jobs.filter(pk__lt=before) if before else jobs
    hits: list[LogHit] = []
    began, searched = time.monotonic(), 0
    last: int | None = None
    for job in jobs.order_by("-pk")[: _LOGS + 1] if words else ():
        if searched == _LOGS or len(hits) == MOST or (searched and time.monotonic() - began > _SECONDS):
            return LogHits(hits, searched, last)
        searched, last = searched + 1, job.pk
        with contextlib.suppress(OperationError):
            if lines := JobLog(job).excerpts(words, _LINES):
                hits.append(LogHit(job, lines))
    return LogHits(hits, searched, None)


# What is looked for


def _services(words: str) -> list[Service]:
    rows = Service.objects.filter(retired_at=None).select_related("target__recipe__repository")
    named = Q(name__icontains=words) | Q(host__icontains=words) | Q(uri__icontains=words)
    name, _, host = words.partition("@")
    both = Q(name__iexact=name, host__istartswith=host) if host else Q()
    return list(rows.filter(named | both).order_by("name")[:MOST])


def _repositories(words: str) -> list[Repository]:
    rows = Repository.objects.filter(retired_at=None, name__icontains=words)
    return list(rows.select_related("flavour")[:MOST])


def _refs(words: str) -> Iterable[Ref]:
    rows = Ref.objects.filter(gone_at=None).select_related("repository", "commit")
    return rows.filter(Q(name__icontains=words) | Q(title__icontains=words)).order_by("-moved_at")[:MOST]


def _commits(words: str) -> list[Commit]:
    rows = Commit.objects.select_related("repository")
    found = []
    if _is_hash(words):
        beginning = words.lower()
        found = _first(rows.filter(hash__gte=beginning, hash__lt=beginning + "g"))
    said = Q(message__icontains=words) | Q(author__icontains=words)
    return _together(found, _first(_newest(rows).filter(said)))


def _releases(words: str) -> list[Release]:
    rows = Release.objects.select_related("commit", "target__recipe__repository")
    found = Q(image__icontains=words)
    if digest := _digest(words):
        found |= Q(digest__startswith=digest)
    return _together(_numbered(rows, words), _first(_newest(rows).filter(found)))


def _deployments(
    words: str, services: Sequence[Service], commits: Sequence[Commit], releases: Sequence[Release]
) -> list[Deployment]:
    rows = Deployment.objects.select_related("service", "release__commit", "job")
    found = Q(service__in=_keys(services)) | Q(release__in=_keys(releases)) | Q(release__commit__in=_keys(commits))
    if digest := _digest(words):
        found |= Q(digest__startswith=digest)
    return _together(_numbered(rows, words), _first(_newest(rows).filter(found)))


def _builds(words: str, repositories: Sequence[Repository], commits: Sequence[Commit]) -> list[Build]:
    rows = Build.objects.select_related("recipe__repository", "commit", "job")
    found = Q(commit__in=_keys(commits)) | Q(recipe__repository__in=_keys(repositories))
    return _together(_numbered(rows, words), _first(_newest(rows).filter(found)))


def _jobs(words: str) -> list[Job]:
    rows = Job.objects.select_related("repository")
    named = Q(title__icontains=words) | Q(cause__icontains=words) | Q(reason__icontains=words)
    return _together(_numbered(rows, words), _first(_newest(rows).filter(named)))


def _people(words: str) -> Iterable[User]:
    """Those who did something: of others nobody is told that there are such."""
    acted = Exists(Activity.objects.filter(user=OuterRef("pk")))
    return User.objects.filter(acted, username__icontains=words).order_by("username")[:MOST]


# How it is told


def _hit(kind: str, row: Any, title: str, detail: str) -> Hit:
    return Hit(kind, row.pk, title, detail, addresses.page(kind, row.pk))


def _ref(row: Ref) -> Hit:
    address = addresses.page("ref", row.pk) or addresses.page("repository", row.repository_id, q=row.short)
    return Hit("ref", row.pk, row.short, f"{row.repository.name}: {row.title or row.commit.title}", address)


def _commit(row: Commit) -> Hit:
    address = addresses.page("commit", row.pk) or addresses.page("repository", row.repository_id)
    detail = ", ".join(filter(None, [row.repository.name, row.author]))
    return Hit("commit", row.pk, f"{row.short} {row.title}", detail, address)


def _deployment(row: Deployment) -> Hit:
    detail = f"{'rollback, ' if row.rollback else ''}{row.job.state} on {row.created_at:%Y-%m-%d at %H:%M} UTC"
    return _hit("deployment", row, f"{row.service} to {row.release.commit.short} {row.release.commit.title}", detail)


def _build(row: Build) -> Hit:
    state = row.job.state if row.job else "not started"
    return _hit("build", row, f"{row} of {row.commit.short}", f"{row.recipe.repository.name}, {state}")


def _job(row: Job) -> Hit:
    return _hit("job", row, f"#{row.pk} {row.title}", f"{row.state}: {row.reason}" if row.reason else row.state)


def _person(row: User) -> Hit:
    return Hit("person", row.pk, row.username, "what this person did", addresses.page("person", row.username))


# How it is asked


def _is_hash(words: str) -> bool:
    return bool(_HASH.fullmatch(words.lower()))


def _digest(words: str) -> str:
    """The beginning of a digest that is meant; empty where none is."""
    return f"sha256:{words.lower().removeprefix('sha256:')}" if _is_hash(words) else ""


def _numbered(rows: QuerySet[Any], words: str) -> list[Any]:
    number = _NUMBER.fullmatch(words)
    return list(rows.filter(pk=int(number[1]))) if number else []


def _newest(rows: QuerySet[Any]) -> QuerySet[Any]:
    last = rows.model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0
    return rows.filter(pk__gt=last - NEWEST)


def _first(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.order_by("-pk")[:MOST])


def _together(*lists: list[Any]) -> list[Any]:
    return list({row.pk: row for rows in lists for row in rows}.values())[:MOST]


def _keys(rows: Iterable[Any]) -> list[int]:
    return [row.pk for row in rows]
