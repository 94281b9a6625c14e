"""Tokens for the API: made once, shown once, kept as a hash."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import transaction

from core import clock
from core.errors import RefusedError
from core.models import ApiToken
from core.services import activities
from core.states import TokenScope

#: What every token begins with, so that tools that look for secrets in the wrong places can find it.
PREFIX = "deployer_"
#: Random bytes of a token.
_BYTES = 32
#: How exactly it is kept when a token was used last: not every call has to write.
_USED = timedelta(minutes=1)


@transaction.atomic
def make(
    owner: User, name: str, scopes: Collection[TokenScope], expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token for somebody; its text is known now and never again.

    :raises RefusedError: it has no name or no scope, or would have expired already.
    """
    if not name.strip():
        raise RefusedError("say what the token is for")
    if not scopes:
        raise RefusedError("a token without a scope is of no use: choose what it may do")
    if expires_at is not None and expires_at <= clock.now():
        raise RefusedError("it would have expired already: give an end that is to come")
    text = PREFIX + secrets.token_urlsafe(_BYTES)
    row = ApiToken.objects.create(
        owner=owner,
        name=name.strip()[:100],
        hash=_hash(text),
        beginning=text[len(PREFIX) :][:6],
        scopes=sorted(scopes),
        expires_at=expires_at,
    )
    activities.record(owner, "made the API token", row)
    return row, text


@transaction.atomic
def revoke(token: ApiToken, user: User) -> None:
    """End a token at once.

    :raises RefusedError: it was ended before.
    """
    row = ApiToken.objects.select_for_update(no_key=True).get(pk=token.pk)
    if row.revoked_at is not None:
        raise RefusedError(f"{row} was revoked already")
    row.revoked_at = clock.now()
    row.save(update_fields=["revoked_at"])
    activities.record(user, "revoked the API token", row)


def find(text: str) -> ApiToken | None:
    """The token with this text, if it is in force and its owner is active; that it was used is kept."""
    row = ApiToken.objects.select_related("owner").filter(hash=_hash(text)).first()
    if row is None or not row.is_valid or not row.owner.is_active:
        return None
    now = clock.now()
    if row.used_at is None or now - row.used_at > _USED:
        ApiToken.objects.filter(pk=row.pk).update(used_at=now)
    return row


def _hash(text: str) -> str:
    # Nothing slower is needed: what is hashed is random, and nobody can guess it.
    return sha256(text.encode()).hexdigest()
