"""What came with each release since the one before it of its target: asked of the source once it is published.

Nothing waits for it. What cannot be told is asked again with back-off, and given up where it will never be told.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock, hiding
from core.models import Release, ReleaseChanges
from core.services import hints
from core.services.scope import Scope
from core.values import Changes

_FIRST_RETRY, _LAST_RETRY = 10, 3600
#: Failures after which nobody asks any more: about a day of them.
_GIVEN_UP = 30


def follow_up(release: Release) -> None:
    """Have a release that was published compared with the one before it, once. The first of a target has none."""
    before = Release.objects.filter(target=release.target_id, pk__lt=release.pk).exclude(digest="")
    previous = before.order_by("-pk").first()
    if previous:
        ReleaseChanges.objects.get_or_create(
            release=release, defaults={"previous": previous, "next_attempt_at": clock.now()}
        )


def claim(now: datetime, lease: timedelta, scope: Scope, *, limit: int) -> list[ReleaseChanges]:
    """Take what is to be asked now. It is nobody else's until it was told, or could not be, or the lease has ended."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = ReleaseChanges.objects.filter(free, scope.releases("release__"), next_attempt_at__lte=now)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(due, now, lease, limit) if limit and due.exists() else []


@transaction.atomic
def _take(due: QuerySet[ReleaseChanges], now: datetime, lease: timedelta, limit: int) -> list[ReleaseChanges]:
    related = ("release__commit__repository", "previous__commit")
    rows = due.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related(*related)
    taken = list(rows.order_by("next_attempt_at")[:limit])
    ReleaseChanges.objects.filter(pk__in=[row.pk for row in taken]).update(lease_until=now + lease)
    return taken


def record(row: ReleaseChanges, told: Changes | None) -> None:
    """Write down what a source told; None where it cannot tell such things."""
    told_fields = {} if told is None else {"cut": told.cut, "forward": told.forward, "commits": _kept(told)}
    ReleaseChanges.objects.filter(pk=row.pk).update(
        known=told is not None, next_attempt_at=None, lease_until=None, error="", **told_fields
    )
    hints.changed()


def _kept(told: Changes) -> list[dict[str, str]]:
    # PostgreSQL keeps no NUL in a text; Git does in a message.
    return [
        {
            "hash": each.hash,
            "title": each.title.replace("\0", "␀")[:300],
            "author": each.author.replace("\0", "␀")[:300],
            "at": each.committed_at.isoformat() if each.committed_at else "",
        }
        for each in told.commits
    ]


def failed(row: ReleaseChanges, reason: str, now: datetime, *, for_good: bool) -> None:
    """Write down that it could not be told. It is asked again with back-off, unless it failed for good."""
    failures = row.failures + 1
    wait = timedelta(seconds=min(_FIRST_RETRY * 2 ** min(failures - 1, 10), _LAST_RETRY))
    again = None if for_good or failures >= _GIVEN_UP else now + wait
    ReleaseChanges.objects.filter(pk=row.pk).update(
        failures=failures, error=hiding.hidden(reason), next_attempt_at=again, lease_until=None
    )
