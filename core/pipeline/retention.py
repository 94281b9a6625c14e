"""What may go: a pure function of what is known and of how long a flavour keeps things.

The rule of all rules: what is not known to be needless is needed. Whatever is live, could be gone back to, goes on, is the
newest at the head of an open ref, or is meant by something that is still to be done, stays however old it is. Activities
are no part of this: what people did is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.pipeline.declaration import Retention

#: Releases of a service whose images are kept for going back.
KEPT_RELEASES = 5
#: Releases of a target that are offered for going back.
OFFERED_RELEASES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """A job.

    :param finished_at: None while it goes on.
    :param newest: of all that carry out its operation, the one that counts.
    :param passing: a check build or the reading of an input, whose row may go too; of others only the log may.
    :param has_log: there may be one.
    """

    id: int
    finished_at: datetime | None
    newest: bool
    passing: bool
    has_log: bool = True
    commit: int | None = None
    build: int | None = None
    releases: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RefFact:
    """A ref. `gone_at` is None while it is open."""

    id: int
    commit: int
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFact:
    """A release. `published`: there is an image of it, which was not removed."""

    id: int
    target: int
    commit: int
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFact:
    """A service in use.

    :param current: the release that it was moved to last.
    :param rollback: the one that it was sent back to.
    :param deployed: those that it was moved to with success, the newest first.
    """

    target: int
    current: int | None = None
    rollback: int | None = None
    deployed: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one look is about: some jobs and refs of a repository, and all that says what of them is needed.

    :param refs: every open ref, and those of the gone ones that are looked at.
    :param releases: of every target of the repository, all.
    :param services: of all those targets.
    :param meant_commits: commits that something undone is about: a message, a probe, a deployment that waits.
    :param meant_releases: releases likewise.
    """

    jobs: Sequence[JobFact] = ()
    refs: Sequence[RefFact] = ()
    releases: Sequence[ReleaseFact] = ()
    services: Sequence[ServiceFact] = ()
    meant_commits: Collection[int] = frozenset()
    meant_releases: Collection[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """What may go, by its keys. A job whose row goes is not among `logs`: its log goes with it."""

    logs: Sequence[int] = ()
    jobs: Sequence[int] = ()
    refs: Sequence[int] = ()
    images: Sequence[int] = field(default_factory=tuple)


def may_go(facts: Facts, retention: Retention, now: datetime) -> Going:
    """Say what is not needed any more."""
    releases = needed_releases(facts)
    commits = needed_commits(facts, releases)
    old = list(_finished_before(facts.jobs, retention.builds, now))
    jobs = [job.id for job in old if job.passing and not _is_needed(job, commits, releases)]
    logs = [
        job.id
        for job in _finished_before(facts.jobs, retention.logs, now)
        if job.has_log and job.id not in set(jobs) and not _is_needed(job, commits, releases)
    ]
    refs = [
        ref.id
        for ref in facts.refs
        if retention.refs is not None
        and ref.gone_at
        and ref.gone_at < now - timedelta(days=retention.refs)
        and ref.commit not in facts.meant_commits
    ]
    return Going(logs=logs, jobs=jobs, refs=refs, images=list(_images(facts, retention, releases)))


def needed_releases(facts: Facts) -> frozenset[int]:
    """The releases that something runs, could be sent back to, or is about."""
    needed = set(facts.meant_releases)
    for service in facts.services:
        needed.update(each for each in (service.current, service.rollback) if each is not None)
        needed.update(list(dict.fromkeys(service.deployed))[:KEPT_RELEASES])
    offered: Counter[int] = Counter()
    for release in sorted(facts.releases, key=lambda each: -each.id):
        if release.published and offered[release.target] < OFFERED_RELEASES:
            offered[release.target] += 1
            needed.add(release.id)
    return frozenset(needed)


def needed_commits(facts: Facts, releases: Collection[int]) -> frozenset[int]:
    """The commits at the heads of open refs, of what is needed, and those that something is about."""
    open_heads = {ref.commit for ref in facts.refs if ref.gone_at is None}
    released = {release.commit for release in facts.releases if release.id in releases}
    return frozenset(open_heads | released | set(facts.meant_commits))


def _is_needed(job: JobFact, commits: Collection[int], releases: Collection[int]) -> bool:
    at_needed_commit = job.commit is not None and job.commit in commits
    # The newest reading of an input is what is believed.
    of_input = job.passing and job.commit is None
    return bool(job.releases & frozenset(releases)) or (job.newest and (at_needed_commit or of_input))


def _finished_before(jobs: Sequence[JobFact], days: int | None, now: datetime) -> Iterator[JobFact]:
    if days is not None:
        end = now - timedelta(days=days)
        yield from (job for job in jobs if job.finished_at and job.finished_at < end)


def _images(facts: Facts, retention: Retention, needed: Collection[int]) -> Iterator[int]:
    """The releases whose images may go: of each target all but the newest that are kept, and what is needed."""
    if retention.releases is None:
        return
    kept: Counter[int] = Counter()
    for release in sorted(facts.releases, key=lambda each: -each.id):
        if not release.published:
            continue
        kept[release.target] += 1
        if kept[release.target] > retention.releases and release.id not in needed:
            yield release.id
