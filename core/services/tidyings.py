"""Tidying up: asked for, taken up by one runner, and what it removed. What may go is decided in `core.pipeline.retention`.

A log is removed before its row says so, and an image before its release does: whoever is killed between the two does the
same again. Rows go a few at a time, so that nobody waits long for the database.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from core import metrics
from core.models import Build, Commit, Job, Ref, Release, Tidying
from core.pipeline.declaration import Retention
from core.services import activities, hints
from core.states import Purpose

#: Rows that go in one transaction: others that want to write wait no longer than these take, some 20 ms.
BATCH = 50
#: How long nobody else takes up what one runner does; said again while it goes on.
LEASE = timedelta(minutes=10)
#: Times of tidying up that are remembered.
_REMEMBERED = 60


@transaction.atomic
def ask(now: datetime, user: User | None = None) -> Tidying:
    """Have a runner tidy up, unless one was asked already and has not finished."""
    # Two that ask at once make two rows, which a runner does one after the other: the second finds little to do.
    undone = Tidying.objects.filter(finished_at=None).first()
    if undone is not None:
        return undone
    row = Tidying.objects.create(asked_at=now, asked_by=user)
    if user:
        activities.record(user, "asked to tidy up", row)
    hints.changed()
    return row


def begin(now: datetime) -> Tidying:
    """Note that this very process tidies up, from now on."""
    return Tidying.objects.create(asked_at=now, lease_until=now + LEASE)


def claim(now: datetime, *, limit: int) -> list[Tidying]:
    """Take up what was asked for, and what somebody else left undone."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Tidying.objects.filter(free, finished_at=None)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    if not limit or not due.exists():
        return []
    with transaction.atomic():
        taken = list(due.select_for_update(no_key=True, skip_locked=True).order_by("pk")[:1])
        Tidying.objects.filter(pk__in=[row.pk for row in taken]).update(lease_until=now + LEASE)
    return taken


def go_on(tidying: int, removed: Mapping[str, int], now: datetime) -> None:
    """Keep it, and say what was removed so far."""
    Tidying.objects.filter(pk=tidying).update(lease_until=now + LEASE, removed=dict(removed))


@transaction.atomic
def finish(tidying: int, removed: Mapping[str, int], faults: Sequence[str], now: datetime) -> None:
    """End it, and forget the oldest."""
    row = Tidying.objects.select_for_update(no_key=True).get(pk=tidying)
    row.removed, row.faults, row.finished_at, row.lease_until = dict(removed), list(faults)[:50], now, None
    row.save(update_fields=["removed", "faults", "finished_at", "lease_until"])
    if any(count for kind, count in removed.items() if kind != "bytes"):
        activities.record(None, "tidied up", row, reason=told(removed))
    for kind, count in removed.items():
        if count and kind == "bytes":
            metrics.FREED.count(count)
        elif count:
            metrics.TIDIED.count(count, kind=kind)
    kept = Tidying.objects.order_by("-pk").values_list("pk", flat=True)[:_REMEMBERED]
    Tidying.objects.exclude(pk__in=list(kept)).exclude(finished_at=None).delete()
    hints.changed()


_WORDS = {
    "logs": ("log", "logs"),
    "jobs": ("job", "jobs"),
    "builds": ("check build", "check builds"),
    "commits": ("commit", "commits"),
    "refs": ("closed ref", "closed refs"),
    "images": ("image", "images"),
}


def told(removed: Mapping[str, int]) -> str:
    """What was removed, in words: `12 logs and 3 images, 1.2 GB`."""
    counts = [f"{removed[kind]:,} {words[removed[kind] != 1]}" for kind, words in _WORDS.items() if removed.get(kind)]
    if not counts:
        return "nothing"
    listed = counts[0] if len(counts) == 1 else f"{', '.join(counts[:-1])} and {counts[-1]}"
    return listed + (f", {size(removed['bytes'])}" if removed.get("bytes") else "")


def size(count: float) -> str:
    """Bytes for people: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def policy(kept: Retention) -> str:
    """A policy in words."""
    of = {
        "logs": f"logs for {kept.logs} days",
        "builds": f"check builds for {kept.builds} days",
        "refs": f"closed refs for {kept.refs} days",
        "releases": f"images of the newest {kept.releases} releases of each target",
    }
    limited = [words for name, words in of.items() if getattr(kept, name) is not None]
    return f"keeps {', '.join(limited)}" if limited else "keeps everything"


# What goes


def forget_logs(jobs: Collection[int], policy: str, now: datetime) -> int:
    """Say of jobs that their logs were removed."""
    count = 0
    for keys in _batches(jobs):
        rows = Job.objects.filter(pk__in=keys, log_removed_at=None).exclude(finished_at=None)
        count += rows.update(log_removed_at=now, log_removed_by=policy[:200])
    return count


def forget_jobs(jobs: Collection[int]) -> dict[str, int]:
    """Remove the rows of jobs, and of the check builds and commits that nothing is left of."""
    removed = {"jobs": 0, "builds": 0}
    for keys in _batches(jobs):
        with transaction.atomic():
            # Whatever began, or became a part of something, since it was looked at stays.
            rows = Job.objects.filter(pk__in=keys, deployment_of=None, release=None).exclude(finished_at=None)
            rows = rows.filter(Q(build=None) | Q(build__purpose=Purpose.CHECK))
            found = dict(rows.values_list("pk", "build_id"))
            Build.objects.filter(job__in=found).update(job=None)
            removed["jobs"] += Job.objects.filter(pk__in=found).delete()[0]
            builds = Build.objects.filter(pk__in=set(found.values()) - {None}, purpose=Purpose.CHECK)
            removed["builds"] += _without(builds, jobs=Job.objects.filter(build=OuterRef("pk"))).delete()[0]
            # Those of which a newer job goes before an older one that stays.
            for build in Build.objects.filter(pk__in=set(found.values()) - {None}, job=None):
                build.job = Job.objects.filter(build=build).first()
                build.save(update_fields=["job"])
    return removed


def forget_refs(refs: Collection[int], now: datetime) -> int:
    """Remove the rows of closed refs. One that was opened again meanwhile stays."""
    count = 0
    for keys in _batches(refs):
        count += Ref.objects.filter(pk__in=keys, gone_at__lt=now).delete()[0]
    return count


def unused_commits(repository: int, meant: Collection[int], before: datetime) -> list[int]:
    """The commits of a repository that nothing is left of.

    :param meant: commits that something undone is about.
    :param before: only those that were made before.
    """
    rows = Commit.objects.filter(repository=repository, committed_at__lt=before).exclude(pk__in=meant)
    return list(_unused(rows).values_list("pk", flat=True))


def forget_commits(commits: Collection[int]) -> int:
    """Remove commits that nothing is left of. One that a ref came to meanwhile stays."""
    count = 0
    for keys in _batches(commits):
        with contextlib.suppress(IntegrityError), transaction.atomic():
            count += _unused(Commit.objects.filter(pk__in=keys)).delete()[0]
    return count


def _unused(rows: QuerySet[Commit]) -> QuerySet[Commit]:
    mine = {"commit": OuterRef("pk")}
    return _without(
        rows,
        refs=Ref.objects.filter(**mine),
        jobs=Job.objects.filter(**mine),
        builds=Build.objects.filter(**mine),
        releases=Release.objects.filter(**mine),
    )


def forget_images(releases: Collection[int], now: datetime) -> None:
    """Say of releases that their images were removed."""
    for keys in _batches(releases):
        Release.objects.filter(pk__in=keys).update(image_removed_at=now)
    hints.changed()


def _without(rows: QuerySet, **others: QuerySet) -> QuerySet:  # type: ignore[type-arg]  # of any model
    for each in others.values():
        rows = rows.exclude(Exists(each))
    return rows


def _batches(keys: Iterable[int]) -> Iterable[Sequence[int]]:
    these = list(keys)
    return (these[start : start + BATCH] for start in range(0, len(these), BATCH))


def now_asked() -> bool:
    """Whether somebody asked and no runner has finished it."""
    return Tidying.objects.filter(finished_at=None).exists()
