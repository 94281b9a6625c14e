"""Who acts on the command line: somebody who has an account here, or whoever the system knows."""

from __future__ import annotations

import os
import pwd

from django.contrib.auth.models import User
from django.db import transaction

from core.errors import ConfigurationError
from core.models import Identity
from core.pipeline.validate import unknown
from core.services import activities


@transaction.atomic
def at_the_terminal(name: str = "") -> User:
    """The person who runs a command.

    :param name: a user's name; if empty, the user named like the system's user, made where there is none.
    :raises ConfigurationError: there is no user of this name.
    """
    if name:
        found = User.objects.filter(username=name).first()
        if found is None:
            raise ConfigurationError(f"user {unknown(name, User.objects.values_list('username', flat=True))}")
        return found
    own = _system_user()
    return User.objects.filter(username=own).first() or _make(own)


@transaction.atomic
def elsewhere(name: str, subject: str = "") -> User:
    """Somebody who acted at a source's own pages: `github:login`. Made where nobody of that name is known here.

    :param subject: what tells the person from others there: who took a login that somebody gave up is somebody else.
    """
    provider = name.partition(":")[0]
    known = Identity.objects.filter(provider=provider, subject=subject).select_related("user").first()
    if subject and known:
        return known.user
    found = User.objects.filter(username=name[:150]).select_related("identity").first()
    if found and subject and hasattr(found, "identity"):
        other = f"{name[:100]}~{subject[:49]}"
        return User.objects.filter(username=other).first() or _make_elsewhere(other)
    return found or _make_elsewhere(name[:150])


def _make_elsewhere(name: str) -> User:
    """Make a user whom nobody can sign in as."""
    user = User.objects.create_user(name, is_active=False)
    activities.record(None, "added", user, reason=f"{name} asked for something at the source's own pages")
    return user


def _make(name: str) -> User:
    """Make a user whom nobody can sign in as."""
    user = User.objects.create_user(name, is_active=False)
    reason = f"{name} acts on the command line of {os.uname().nodename}; nobody can sign in as this user"
    activities.record(None, "added", user, reason=reason)
    return user


def _system_user() -> str:
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        # In a container, a process may have a number that has no name.
        return f"uid-{number}"
