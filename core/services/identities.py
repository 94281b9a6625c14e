"""Users who log in by an account that they have elsewhere.

An account is known by its subject, which never changes and is given to nobody else. Its login may be given up, and taken
by somebody else: a user's name is therefore the login at the first time, and stays this person's. Whoever comes
later with the same login is another user, with another name, and has none of the rights and history of the first.
"""

from __future__ import annotations

import re
from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core.errors import OperationError, RefusedError
from core.models import Identity
from core.services import activities
from core.values import Identity as Told

_LOGIN = re.compile(r"[\w.-]{1,95}")
_SUBJECT = re.compile(r"[\w.-]{1,40}")
_NOREPLY = re.compile(r"(?:(?P<number>\d+)\+)?(?P<login>[\w.-]+?)@users\.noreply\.github\.com")


def enter(provider: str, told: Told, now: datetime) -> User:
    """Find the user of somebody who has just logged in elsewhere, or make one, and keep what was told.

    :raises RefusedError: the user was deactivated.
    :raises OperationError: what was told makes no name.
    """
    if not _LOGIN.fullmatch(told.login) or not _SUBJECT.fullmatch(told.subject):
        raise OperationError(f"{provider} told a login that cannot be used here: {told.login[:50]!r}")
    try:
        return _enter(provider, told, now)
    except IntegrityError:
        # The same person at the same moment, in another window, was first: now the user is there.
        return _enter(provider, told, now)


@transaction.atomic
def _enter(provider: str, told: Told, now: datetime) -> User:
    rows = Identity.objects.select_for_update(no_key=True).select_related("user")
    row = rows.filter(provider=provider, subject=told.subject).first()
    if row is None:
        row = Identity(provider=provider, subject=told.subject, user=_make(provider, told))
    elif not row.user.is_active:
        raise RefusedError(f"the user {row.user} was deactivated here")
    else:
        _release(f"{provider}:{told.login}")
    row.login, row.seen_at = told.login, now
    # What belongs to others cannot be told by this provider.
    row.groups = sorted(group for group in told.groups if group.startswith(f"{provider}:"))
    row.save()
    _keep(row.user, told)
    activities.record(row.user, "logged in as", row)
    return row.user


def _make(provider: str, told: Told) -> User:
    name = f"{provider}:{told.login}"
    _release(name)
    if User.objects.filter(username__iexact=name).exists():
        name = f"{name}~{told.subject}"
        _release(name)
    # Without a password there is no other way in.
    return User.objects.create_user(name)


def _release(name: str) -> None:
    """Take a name from a user of whom nobody knows whose account it was: one who only acted at a source's own pages."""
    for user in User.objects.filter(username__iexact=name, identity=None):
        user.username = f"{name}~unknown-{user.pk}"
        user.save(update_fields=["username"])
        activities.record(None, "renamed", user, reason=f"somebody logged in as {name}, who may be somebody else")


def _keep(user: User, told: Told) -> None:
    user.first_name, user.email = told.name.replace("\0", "")[:150], told.email.replace("\0", "")[:254]
    user.save(update_fields=["first_name", "email"])


def wrote(user: User, author: str) -> bool:
    """Whether a commit's author is this person, as far as accounts tell. What could be is taken to be.

    GitHub's own address of an account has its number and login in it, for those who keep theirs private
    (docs.github.com, "Setting your commit email address").

    :param author: `Name <address>`, as its source tells it.
    """
    name, _, address = author.strip().lower().rstrip(">").rpartition("<")
    name, address = name.strip() or address.strip(), address.strip()
    own = {user.get_username().lower(), user.get_full_name().lower()}
    if name in own - {""} or (address and address in {user.email.lower(), user.get_username().lower()}):
        return True
    identity = Identity.objects.filter(user=user).first()
    if identity is None:
        return False
    if found := _NOREPLY.fullmatch(address):
        return found["number"] == identity.subject or (not found["number"] and found["login"] == identity.login.lower())
    return name == identity.login.lower()


def forget_ended_sessions() -> None:
    """Forget the sessions that are over; each visit to the login leaves one."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


def let_into_admin(user: User, may: bool) -> None:
    """Show the admin to somebody, or show it no longer. What may be done in it is decided there."""
    if user.is_staff != may:
        user.is_staff = may
        user.save(update_fields=["is_staff"])
