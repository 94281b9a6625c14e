"""What is to be told outside: queued in the transaction that makes it true, sent afterwards, newest only."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.interfaces import CommitStatus
from core.models import Commit, Job, Message, Repository
from core.services import hints

_FIRST_RETRY, _LAST_RETRY = 10, 900


def queue(key: str, recipient: str, payload: dict[str, Any]) -> None:
    """Have something told. It replaces what was queued under the key and not sent; what was said is not repeated."""
    row, created = Message.objects.select_for_update().get_or_create(
        key=key, defaults={"recipient": recipient, "payload": payload}
    )
    if not created and row.payload != payload:
        row.payload, row.version, row.failures, row.next_attempt_at = payload, row.version + 1, 0, timezone.now()
        row.save(update_fields=["payload", "version", "failures", "next_attempt_at"])
    hints.changed()


def status(repository: Repository, commit: Commit, status: CommitStatus) -> None:
    """Have a commit's status told to its source."""
    payload = {"repository": repository.pk, "commit": commit.hash, "status": asdict(status)}
    queue(f"status:{repository.pk}:{commit.hash}:{status.context}", "source", payload)


def deployment(job: Job) -> None:
    """Have what became of a deployment told to the flavour's notifiers."""
    flavour, deployed = job.flavour, job.deployment_of
    if flavour.harmless:
        return
    text = f"Deploy {deployed.release.commit.short} as {deployed.service}: {job.state}"
    news = {
        "flavour": flavour.name,
        "key": f"deploy-{deployed.service}",
        "state": job.state,
        "text": f"{text}. {job.reason}" if job.reason else text,
        "url": f"{flavour.base_url.rstrip('/')}/jobs/{job.pk}",
    }
    for index, (kind, options) in enumerate(flavour.notifiers):
        key = f"notify:{flavour.pk}:{index}:{deployed.service_id}"
        queue(key, "notifier", {"kind": kind, "options": options, "news": news})


@transaction.atomic
def claim(now: datetime, lease: timedelta, *, limit: int) -> list[Message]:
    """Take what is to be sent now; it is due again after a lease, unless it was sent."""
    due = Message.objects.filter(version__gt=F("sent_version"), next_attempt_at__lte=now)
    taken = list(due.select_for_update(skip_locked=True)[:limit])
    Message.objects.filter(pk__in=[row.pk for row in taken]).update(next_attempt_at=now + lease)
    return taken


def sent(message: Message) -> None:
    """Write down that this version was said; a newer one is due at once."""
    Message.objects.filter(pk=message.pk).update(
        sent_version=message.version, failures=0, error="", next_attempt_at=timezone.now()
    )


def failed(message: Message, reason: str, now: datetime) -> None:
    """Write down that it could not be said; it is tried again with back-off."""
    wait = min(_FIRST_RETRY * 2 ** min(message.failures, 10), _LAST_RETRY)
    again = now + timedelta(seconds=wait)
    Message.objects.filter(pk=message.pk).update(failures=F("failures") + 1, error=reason, next_attempt_at=again)
