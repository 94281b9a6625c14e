"""What is to be told outside: queued in the transaction that makes it true, sent afterwards, newest only.

Of one key nothing is ever sent twice at once, nothing older after something newer, and not more often than every few
seconds: what changes meanwhile is told in one go.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from pydantic import TypeAdapter

from core import clock, hiding
from core.models import Commit, Message, Repository
from core.services import hints
from core.values import CommitStatus, DeploymentStatus

_FIRST_RETRY, _LAST_RETRY = 10, 900
#: Failures after which something is not told any more: about a day of them.
_GIVEN_UP = 100
#: Seconds between two messages of one key, by recipient.
_GAPS = {"source": 5.0, "notifier": 2.0}

_STATUS, _DEPLOYMENT = TypeAdapter(CommitStatus), TypeAdapter(DeploymentStatus)


def queue(key: str, recipient: str, payload: dict[str, Any]) -> None:
    """Have something told. It replaces what was queued under the key and not sent; what was said is not repeated.

    Call it in the transaction that makes it true, which holds the row that the key is about: nobody else queues under it.
    """
    row = Message.objects.select_for_update(no_key=True).filter(key=key).first()
    if row is None:
        Message.objects.create(key=key, recipient=recipient, payload=payload, next_attempt_at=clock.now())
    elif row.payload != payload:
        row.payload, row.version = payload, row.version + 1
        row.save(update_fields=["payload", "version"])
    hints.changed()


def status(repository: Repository, commit: Commit, status: CommitStatus) -> None:
    """Have a commit's status told to its source."""
    told = _STATUS.dump_python(status, mode="json")
    payload = {"repository": repository.pk, "commit": commit.hash, "status": told}
    queue(f"status:{repository.pk}:{commit.hash}:{status.context}", "source", payload)


def deployment(repository: Repository, status: DeploymentStatus) -> None:
    """Have what becomes of a deployment told to the source of its commit."""
    payload = {"repository": repository.pk, "deployment": _DEPLOYMENT.dump_python(status, mode="json")}
    queue(f"deployment:{status.id}", "source", payload)


def read_status(payload: Mapping[str, Any]) -> CommitStatus | DeploymentStatus:
    """What is to be told to a source."""
    if "deployment" in payload:
        return _DEPLOYMENT.validate_python(payload["deployment"])
    return _STATUS.validate_python(payload["status"])


def claim(now: datetime, lease: timedelta, *, limit: int) -> list[Message]:
    """Take what is to be sent now. It is nobody else's until it was sent, or could not be, or the lease has ended."""
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Message.objects.filter(free, version__gt=F("sent_version"), next_attempt_at__lte=now)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(due, now, lease, limit) if limit and due.exists() else []


@transaction.atomic
def _take(due: QuerySet[Message], now: datetime, lease: timedelta, limit: int) -> list[Message]:
    taken = list(due.select_for_update(no_key=True, skip_locked=True).order_by("next_attempt_at")[:limit])
    Message.objects.filter(pk__in=[row.pk for row in taken]).update(lease_until=now + lease)
    return taken


def sent(message: Message, memory: Mapping[str, str] | None = None) -> None:
    """Write down that this version was said, and what is to be remembered; a newer one is due soon.

    :param memory: None leaves what is remembered as it is.
    """
    again = clock.now() + timedelta(seconds=_GAPS.get(message.recipient, 0))
    fields: dict[str, Any] = {} if memory is None else {"memory": dict(memory)}
    Message.objects.filter(pk=message.pk).update(
        sent_version=message.version, failures=0, error="", next_attempt_at=again, lease_until=None, **fields
    )


def failed(message: Message, reason: str, now: datetime, *, retry_in: float | None = None) -> None:
    """Write down that it could not be said. It is tried again with back-off, for about a day.

    :param retry_in: seconds after which the recipient said that it will listen.
    """
    reason = hiding.hidden(reason)
    if message.failures + 1 >= _GIVEN_UP:
        given_up = f"given up after {_GIVEN_UP} failures: {reason}"
        Message.objects.filter(pk=message.pk).update(
            sent_version=message.version, failures=0, error=given_up, lease_until=None
        )
        return
    wait = retry_in if retry_in is not None else min(_FIRST_RETRY * 2 ** min(message.failures, 10), _LAST_RETRY)
    Message.objects.filter(pk=message.pk).update(
        failures=F("failures") + 1, error=reason, next_attempt_at=now + timedelta(seconds=wait), lease_until=None
    )
