"""Webhooks that arrived: remembered, answered by looks, and what people asked for by them carried out."""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import reduce
from hashlib import sha256
from operator import or_

from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import F, Q, QuerySet

from core import clock
from core.errors import DeployerError
from core.hiding import hidden
from core.models import Commit, Delivery, Job, Repository
from core.services import heads, jobs, people, requests
from core.states import JobKind, JobState
from core.values import Asked
from core.values import Delivery as Told

logger = logging.getLogger(__name__)

#: How long a delivery is remembered: GitHub sends none again that is older than three days.
KEPT = timedelta(days=30)
#: What was done, by what was asked for.
_DONE = {"rebuild": "rebuilt", "cancel": "cancelled"}
#: Deliveries that are carried out in one go.
_BATCH = 20
#: Where more repositories are named at once, all of the source are looked at.
_MANY = 100


def receive(source: str, told: Told, now: datetime) -> tuple[Delivery, list[Repository]]:
    """Remember a delivery and have looked at what it names; one that came before changes nothing.

    :returns: its row, and the repositories that are looked at again.
    """
    told = _storable(told)
    found = list(_repositories(source, told))
    row = Delivery(
        source=source,
        key=told.id or secrets.token_hex(16),
        event=told.event,
        sender=told.sender,
        repositories=list(told.look[:_MANY]),
        asked=[asdict(each) for each in told.asked],
        received_at=now,
        done_at=None if told.asked else now,
        outcome="" if told.asked else _outcome(told, found),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            heads.ask(found, clock.now())
    except IntegrityError:
        Delivery.objects.filter(source=source, key=row.key).update(count=F("count") + 1)
        return Delivery.objects.get(source=source, key=row.key), []
    return row, found


def _storable(told: Told) -> Told:
    """What may be of any length, and hold what a database does not keep."""
    return replace(
        told,
        id=_plain(told.id, 200),
        event=_plain(told.event, 100),
        sender=_plain(told.sender, 200),
        look=tuple(_plain(name, 200) for name in told.look),
        asked=tuple(Asked(**{key: _plain(text, 200) for key, text in asdict(each).items()}) for each in told.asked),
    )


def _plain(text: str, length: int) -> str:
    return text.replace("\0", "␀").encode(errors="replace").decode()[:length]


def _repositories(source: str, told: Told) -> QuerySet[Repository]:
    rows = Repository.objects.filter(source=source, retired_at=None)
    return rows if told.everything or len(told.look) > _MANY else rows.filter(_named(told.look))


def _named(names: tuple[str, ...]) -> Q:
    """Names are the same in large and small letters, as they are at the sources that send webhooks."""
    return reduce(or_, (Q(name__iexact=name) | Q(renamed_to__iexact=name) for name in names), Q(pk=None))


def _outcome(told: Told, found: list[Repository]) -> str:
    if found:
        names = sorted({row.name for row in found})
        return f"looked at {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    if told.everything:
        return "no repository of this source is declared"
    if told.look:
        return "no repository of this name is declared"
    return f"ignored: {told.event}" if told.event else "there was nothing to do"


@transaction.atomic
def refuse(source: str, reason: str, now: datetime, count: int = 1) -> None:
    """Remember that something was refused: all that was refused for one reason is one row."""
    key = f"refused:{sha256(reason.encode(errors='replace')).hexdigest()[:32]}"
    refused = {
        "event": "refused",
        "outcome": _plain(hidden(reason), 1000),
        "received_at": now,
        "done_at": now,
        "count": count,
    }
    row, fresh = Delivery.objects.get_or_create(source=source, key=key, defaults=refused)
    if not fresh:
        Delivery.objects.filter(pk=row.pk).update(count=F("count") + count, received_at=now)


def carry_out() -> int:
    """Do what people asked for by webhooks; answer how many deliveries that were."""
    waiting = list(Delivery.objects.filter(done_at=None).order_by("pk")[:_BATCH])
    for row in waiting:
        try:
            _carry_out(row.pk)
        except OperationalError:
            # The database is busy, or gone for a while: it is done in a later round.
            raise
        except Exception:
            # Tried in each round, one that cannot be done would hold up all others.
            logger.exception("what delivery %s asks for could not be done", row.pk)
            failed = "it failed: the runner's log says why"
            Delivery.objects.filter(pk=row.pk).update(outcome=failed, done_at=clock.now())
    return len(waiting)


@transaction.atomic
def _carry_out(key: int) -> None:
    row = Delivery.objects.select_for_update(no_key=True).filter(pk=key, done_at=None).first()
    if row is None:
        return
    outcomes = [_do(row.source, Asked(**each)) for each in row.asked]
    row.outcome, row.done_at = "; ".join(outcomes)[:1000], clock.now()
    row.save(update_fields=["outcome", "done_at"])


def _do(source: str, asked: Asked) -> str:
    repositories = Repository.objects.filter(_named((asked.repository,)), source=source, retired_at=None)
    if not repositories:
        return "no repository of this name is declared"
    commits = Commit.objects.filter(repository__in=list(repositories), hash=asked.commit)
    if not commits:
        return f"nothing is known of commit {asked.commit[:10]} of {asked.repository}"
    user = people.elsewhere(asked.person, asked.subject)
    reason = f"asked for at {source} by {asked.person}"
    done = [_act(asked.verb, job, user, reason) for commit in commits for job in _jobs(asked.verb, commit)]
    refused = [each for each in done if each]
    count = len(done) - len(refused)
    verb, builds = _DONE[asked.verb], "1 build" if count == 1 else f"{count or 'no'} builds"
    said = f"{verb} {builds} for {asked.person}"
    return "; ".join([said, *dict.fromkeys(refused)])


def _jobs(verb: str, commit: Commit) -> list[Job]:
    """The builds of a commit that are meant: those that go on, or those that did not succeed, or all that are over.

    Not all while some go on: somebody pressed twice, or pressed the buttons of two checks.
    """
    rows = Job.objects.filter(commit=commit, kind=JobKind.BUILD).order_by("pk")
    newest = list({row.fingerprint: row for row in rows}.values())
    active = [row for row in newest if row.is_active]
    if verb == "cancel":
        return active
    unsuccessful = [row for row in newest if not row.is_active and row.state != JobState.SUCCEEDED]
    return unsuccessful or ([] if active else newest)


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
