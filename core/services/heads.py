"""Looks at sources: which are due, and writing down what they said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet

from core import hiding
from core.models import Commit, Ref, Repository
from core.services import hints
from core.services.scope import Scope
from core.values import Head, Heads

#: Seconds before a look that failed is repeated: the first, and the most after doubling with each failure. It is never
#: longer than between regular looks: those are no burden either.
FIRST_RETRY, LAST_RETRY = 5, 600
#: How many times the regular interval a runner waits before it looks without having been asked.
SLOW = 3
_BATCH, _FEW = 500, 5
_LOOKED = ("looked_at", "look_failures", "look_error", "look_lease_until")
_Key = TypeVar("_Key", int, str)


def ask(repositories: Iterable[Repository], now: datetime) -> None:
    """Ask for a look as soon as a runner can."""
    if keys := [each.pk for each in repositories]:
        Repository.objects.filter(pk__in=keys).update(next_look_at=now)
    hints.changed()


def claim(runner: str, now: datetime, lease: timedelta, scope: Scope, *, limit: int) -> list[Repository]:
    """Take the repositories whose look is due.

    The next look is set here and not at the end: one that is asked for meanwhile is then still due. It is a slow one:
    the regular looks are asked for by a schedule (`core.engine.schedules`), and this is what happens without it.
    """
    free = Q(look_lease_until=None) | Q(look_lease_until__lt=now)
    due = Repository.objects.filter(free, next_look_at__lte=now, retired_at=None).filter(scope.repositories())
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(due, runner, now, lease, limit) if limit and due.exists() else []


@transaction.atomic
def _take(due: QuerySet[Repository], runner: str, now: datetime, lease: timedelta, limit: int) -> list[Repository]:
    taken = list(due.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("next_look_at")[:limit])
    for row in taken:
        row.look_runner, row.look_lease_until = runner, now + lease
        row.next_look_at = now + timedelta(seconds=SLOW * row.poll)
        row.save(update_fields=["look_runner", "look_lease_until", "next_look_at"])
    return taken


@transaction.atomic
def record_failure(repository: Repository, reason: str, now: datetime, *, retry_in: float | None = None) -> None:
    """Write down that a look failed; it is repeated with back-off.

    :param retry_in: seconds after which the source said that it will answer.
    """
    row = Repository.objects.select_for_update(no_key=True).get(pk=repository.pk)
    row.look_failures += 1
    row.look_error, row.look_lease_until, row.looked_at = hiding.hidden(reason), None, now
    if row.next_look_at > now:
        most = min(LAST_RETRY, max(row.poll, FIRST_RETRY))
        backed_off = min(FIRST_RETRY * 2 ** min(row.look_failures - 1, 10), most)
        wait = backed_off if retry_in is None else max(retry_in, 1)
        row.next_look_at = now + timedelta(seconds=wait)
    row.save(update_fields=["look_failures", "look_error", "look_lease_until", "looked_at", "next_look_at"])
    hints.changed()


@transaction.atomic
def record(repository: Repository, heads: Heads, now: datetime) -> int:
    """Write down a look that worked; answer how many refs appeared, moved or went."""
    row = Repository.objects.select_for_update(no_key=True).get(pk=repository.pk)
    if not row.seen:
        # What was unknown is now there or not there, even if it is nothing.
        Repository.objects.filter(pk=row.pk).update(version=F("version") + 1)
    if row.look_error:
        _ask_those_that_failed_alike(row, now)
    changed = 0
    if not heads.unchanged:
        changed = _record_refs(row, heads.heads, now)
        row.validator, row.default_branch = heads.validator, heads.default_branch
    row.looked_at, row.look_failures, row.look_error, row.look_lease_until = now, 0, "", None
    row.notice, row.renamed_to = heads.notice, heads.renamed_to[:200]
    row.poll_after = now + timedelta(seconds=heads.poll_after) if heads.poll_after else None
    if row.poll_after and now < row.next_look_at < row.poll_after:
        row.next_look_at = row.poll_after
    row.save(
        update_fields=[*_LOOKED, "validator", "default_branch", "notice", "renamed_to", "poll_after", "next_look_at"]
    )
    hints.changed()
    return changed


def _ask_those_that_failed_alike(repository: Repository, now: datetime) -> None:
    """One reason was behind them all, a network that was away: it has passed, so nobody waits out the back-off."""
    alike = Repository.objects.filter(source=repository.source, look_error=repository.look_error, retired_at=None)
    alike.exclude(pk=repository.pk).filter(next_look_at__gt=now).update(next_look_at=now)


def _record_refs(repository: Repository, heads: Sequence[Head], now: datetime) -> int:
    known = {ref.name: ref for ref in repository.refs.select_related("commit")}
    moved = [head for head in heads if head.ref not in known or _differs(known[head.ref], head)]
    gone = known.keys() - {head.ref for head in heads}
    gone_ids = [known[name].pk for name in gone if known[name].gone_at is None]
    left = {known[head.ref].commit_id for head in moved if head.ref in known} | {known[name].commit_id for name in gone}
    commits = _record_commits(repository, moved)
    _save_refs(repository, known, moved, commits, now)
    for ids in _batches(gone_ids):
        Ref.objects.filter(pk__in=ids).update(gone_at=now, version=F("version") + 1)
    # What else points to a commit that was left may now be all that asks for its builds.
    for ids in _batches(sorted(left)):
        touch(Ref.objects.filter(commit_id__in=ids))
    if gone_ids or any(head.ref not in known or known[head.ref].gone_at for head in moved):
        Repository.objects.filter(pk=repository.pk).update(version=F("version") + 1)
    return len(moved) + len(gone_ids)


def touch(refs: QuerySet[Ref]) -> None:
    """Have live refs evaluated again."""
    refs.filter(gone_at=None).update(version=F("version") + 1)


def _differs(ref: Ref, head: Head) -> bool:
    return (ref.commit.hash, ref.trusted, ref.title, ref.base, ref.gone_at) != (
        head.commit.hash,
        head.trusted,
        head.title[:500],
        head.base[:500],
        None,
    )


def _record_commits(repository: Repository, heads: Sequence[Head]) -> dict[str, int]:
    rows = [
        Commit(
            repository=repository,
            hash=head.commit.hash,
            # PostgreSQL keeps no NUL in a text; Git does in a message.
            message=head.commit.message.replace("\0", "␀")[:20_000],
            author=head.commit.author.replace("\0", "␀")[:300],
            committed_at=head.commit.committed_at,
        )
        for head in {head.commit.hash: head for head in heads}.values()
    ]
    # With something to update, even if it is what is there already, the keys of those that are there are answered too.
    made = Commit.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["repository", "hash"], update_fields=["hash"], batch_size=_BATCH
    )
    return {row.hash: row.pk for row in made}


def _save_refs(
    repository: Repository, known: dict[str, Ref], heads: Sequence[Head], commits: dict[str, int], now: datetime
) -> None:
    rows = []
    for head in heads:
        row = known.get(head.ref) or Ref(repository=repository, name=head.ref, version=0)
        if row.commit_id != commits[head.commit.hash]:
            row.moved_at = now
        row.commit_id = commits[head.commit.hash]
        row.kind, row.trusted, row.url = head.kind, head.trusted, head.url[:1000]
        row.title, row.base, row.gone_at = head.title[:500], head.base[:500], None
        row.version += 1
        rows.append(row)
    fields = ["commit", "kind", "trusted", "url", "title", "base", "gone_at", "moved_at", "version"]
    moved = [row for row in rows if row.name in known]
    if len(moved) <= _FEW:
        # Building one statement for many rows takes longer than a few that are each of one row.
        for row in moved:
            row.save(update_fields=fields)
    else:
        Ref.objects.bulk_update(moved, fields, batch_size=100)
    if len(moved) < len(rows):
        Ref.objects.bulk_create([row for row in rows if row.name not in known], batch_size=_BATCH)


def _batches(ids: Sequence[_Key]) -> Iterable[Sequence[_Key]]:
    return (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
