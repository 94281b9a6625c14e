"""Calls of the API that carry an idempotency key: each is carried out once."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core.models import IdempotentCall

#: How long a key is kept.
_KEPT = timedelta(days=1)
#: After so long, a call that has no answer yet is taken for one whose process was killed.
_LOST = timedelta(minutes=1)


def begin(person: User, key: str, request: str, now: datetime) -> IdempotentCall | None:
    """Note that a call begins; None if there is one with this key already, and then `find` tells which."""
    mine = IdempotentCall.objects.filter(person=person, key=key)
    mine.filter(at__lt=now - _KEPT).delete()
    mine.filter(status=None, at__lt=now - _LOST).delete()
    try:
        with transaction.atomic():
            return IdempotentCall.objects.create(person=person, key=key, request=request, at=now)
    except IntegrityError:
        return None


def find(person: User, key: str) -> IdempotentCall | None:
    """The call with this key."""
    return IdempotentCall.objects.filter(person=person, key=key).first()


def end(call: IdempotentCall, status: int, content_type: str, body: bytes) -> None:
    """Keep what a call was answered."""
    call.status, call.content_type, call.body = status, content_type, body
    call.save(update_fields=["status", "content_type", "body"])


def drop(call: IdempotentCall) -> None:
    """Forget a call that came to nothing: it may be asked for again."""
    call.delete()


def forget_old(now: datetime) -> None:
    """Forget the calls whose keys are kept no longer."""
    IdempotentCall.objects.filter(at__lt=now - _KEPT).delete()
