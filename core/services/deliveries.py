"""Webhooks that arrived: remembered, answered by looks, and what people asked for by them carried out."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import reduce
from hashlib import sha256
from operator import or_

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from core.errors import DeployerError
from core.models import Commit, Delivery, Job, Repository
from core.services import heads, hints, jobs, people, requests
from core.states import JobKind, JobState
from core.values import Asked
from core.values import Delivery as Told

#: How long a delivery is remembered: GitHub sends none again that is older than three days.
KEPT = timedelta(days=30)
#: Deliveries that are carried out in one go.
_BATCH = 20


@transaction.atomic
def receive(source: str, told: Told, now: datetime) -> tuple[Delivery, list[Repository]]:
    """Remember a delivery and have looked at what it names; one that came before changes nothing.

    :returns: its row, and the repositories that are looked at again.
    """
    key = told.id or secrets.token_hex(16)
    row, fresh = Delivery.objects.get_or_create(
        source=source,
        key=key,
        defaults={
            "event": told.event[:100],
            "sender": told.sender[:200],
            "repositories": list(told.look),
            "asked": [asdict(each) for each in told.asked],
            "received_at": now,
            "done_at": None if told.asked else now,
        },
    )
    if not fresh:
        Delivery.objects.filter(pk=row.pk).update(count=F("count") + 1)
        return row, []
    found = list(_repositories(source, told))
    if found:
        heads.ask(found, now)
    if told.asked:
        hints.changed()
    else:
        row.outcome = _outcome(told, found)
        row.save(update_fields=["outcome"])
    return row, found


def _repositories(source: str, told: Told) -> QuerySet[Repository]:
    rows = Repository.objects.filter(source=source, retired_at=None)
    return rows if told.everything else rows.filter(_named(told.look))


def _named(names: tuple[str, ...]) -> Q:
    """Names are the same in large and small letters, as they are at the sources that send webhooks."""
    return reduce(or_, (Q(name__iexact=name) | Q(renamed_to__iexact=name) for name in names), Q(pk=None))


def _outcome(told: Told, found: list[Repository]) -> str:
    if found:
        names = sorted({row.name for row in found})
        return f"looked at {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if told.look:
        return f"no repository of this name is declared: {', '.join(told.look[:5])}"
    return "there was nothing to do"


@transaction.atomic
def refuse(source: str, reason: str, now: datetime) -> None:
    """Remember that something was refused: all that was refused for one reason is one row."""
    key = f"refused:{sha256(reason.encode()).hexdigest()[:32]}"
    refused = {"event": "refused", "outcome": reason[:1000], "received_at": now, "done_at": now}
    row, fresh = Delivery.objects.get_or_create(source=source, key=key, defaults=refused)
    if not fresh:
        Delivery.objects.filter(pk=row.pk).update(count=F("count") + 1, received_at=now)


def carry_out() -> int:
    """Do what people asked for by webhooks; answer how many deliveries that were."""
    waiting = list(Delivery.objects.filter(done_at=None).order_by("pk")[:_BATCH])
    for row in waiting:
        _carry_out(row.pk)
    return len(waiting)


@transaction.atomic
def _carry_out(key: int) -> None:
    row = Delivery.objects.select_for_update().filter(pk=key, done_at=None).first()
    if row is None:
        return
    outcomes = [_do(row.source, Asked(**each)) for each in row.asked]
    row.outcome, row.done_at = "; ".join(outcomes)[:1000], timezone.now()
    row.save(update_fields=["outcome", "done_at"])


def _do(source: str, asked: Asked) -> str:
    commits = Commit.objects.filter(
        _under("repository__", asked.repository), hash=asked.commit, repository__source=source
    )
    user = people.elsewhere(asked.person)
    reason = f"asked for at {source} by {asked.person}"
    done = [_act(asked.verb, job, user, reason) for commit in commits for job in _jobs(asked.verb, commit)]
    if not commits:
        return f"nothing is known of commit {asked.commit[:10]} of {asked.repository}"
    refused = [each for each in done if each]
    count = len(done) - len(refused)
    said = f"{'rebuilt' if asked.verb == 'rebuild' else 'cancelled'} {count} builds for {asked.person}"
    return "; ".join([said, *dict.fromkeys(refused)])


def _under(prefix: str, name: str) -> Q:
    return Q(**{f"{prefix}name__iexact": name}) | Q(**{f"{prefix}renamed_to__iexact": name})


def _jobs(verb: str, commit: Commit) -> list[Job]:
    """The builds of a commit that are meant: those that go on, or those that did not succeed, or all."""
    rows = Job.objects.filter(commit=commit, kind=JobKind.BUILD).order_by("pk")
    newest = list({row.fingerprint: row for row in rows}.values())
    if verb == "cancel":
        return [row for row in newest if row.is_active]
    over = [row for row in newest if not row.is_active]
    return [row for row in over if row.state != JobState.SUCCEEDED] or over


def _act(verb: str, job: Job, user: User, reason: str) -> str:
    """Do it; answer why not, where it was refused."""
    try:
        if verb == "cancel":
            jobs.cancel(job, user, reason=reason)
        else:
            requests.again(job, user, reason=reason)
    except DeployerError as error:
        return str(error)
    return ""


def forget_old(now: datetime) -> int:
    """Forget deliveries that nobody sends again."""
    old = Delivery.objects.filter(received_at__lt=now - KEPT).exclude(done_at=None)
    return old.delete()[0]
