"""Everybody who may ask, and what they may do in the flavour whose rows are asked for: the table of the walks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from core.models import Flavour
from core.services import identities, tokens
from core.states import TokenScope
from tests import factories

#: Of the flavour `mine`, of another one, of both, or of none.
VISITORS = ("anonymous", "other viewer", "other admin", "viewer", "builder", "flavour admin", "admin", "superuser")
#: They come with a token of a builder, to the API alone.
SCRIPTS = ("token read", "token act")

_HERE = {"viewer", "builder", "flavour admin", "admin", "superuser", *SCRIPTS}
_BUILDERS = {"builder", "flavour admin", "admin", "superuser", "token act"}
_ADMINS = {"flavour admin", "admin", "superuser"}
#: Of whichever flavour.
_WORK = {*_BUILDERS, "token read", "other admin"}
_OF_ALL = {"admin", "superuser"}

#: Who may, by the word that stands in the tables: asked of the visitor, and of whether the deployer is private.
RULES: dict[str, Callable[[str, bool], bool]] = {
    "everybody": lambda who, private: True,
    "who may look": lambda who, private: not private or who != "anonymous",
    "who may look at it": lambda who, private: not private or who in _HERE,
    "who may look at all": lambda who, private: not private or who in _OF_ALL,
    "who is known": lambda who, private: who != "anonymous",
    "who is known and may look at it": lambda who, private: who != "anonymous" and (not private or who in _HERE),
    "who may look at it and comes to act": lambda who, private: (
        who not in ("anonymous", "token read") and (not private or who in _HERE)
    ),
    "who works with the deployer": lambda who, private: who in _WORK,
    "who is known and comes to act": lambda who, private: who not in ("anonymous", "token read"),
    "its builders": lambda who, private: who in _BUILDERS,
    "its admins": lambda who, private: who in _ADMINS,
    "admins of all": lambda who, private: who in _OF_ALL,
    "superusers": lambda who, private: who == "superuser",
    "nobody": lambda who, private: False,
}


def clients(mine: Flavour, other: Flavour) -> dict[str, Client]:
    """A client for each, who is named where it takes that."""
    mine.viewers, mine.builders, mine.admins = ["github:vera"], ["github:bert"], ["github:ada", "github:root"]
    other.viewers, other.admins = ["github:olga"], ["github:otto", "github:root"]
    mine.save()
    other.save()
    people = {
        "viewer": someone("vera"),
        "builder": someone("bert"),
        "flavour admin": someone("ada"),
        "other viewer": someone("olga"),
        "other admin": someone("otto"),
        "admin": someone("root"),
        "superuser": factories.make_user("boss", is_superuser=True, is_staff=True),
    }
    identities.let_into_admin(people["admin"], may=True)
    found = {"anonymous": Client(raise_request_exception=False)}
    for name, user in people.items():
        found[name] = Client(raise_request_exception=False)
        found[name].force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for name, scope in zip(SCRIPTS, (TokenScope.READ, TokenScope.ACT), strict=True):
        _, text = tokens.make(people["builder"], name, [scope])
        found[name] = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {text}"})
    return found


def someone(login: str) -> User:
    """Somebody who logged in elsewhere."""
    user = User.objects.create_user(f"github:{login}")
    factories.make_identity(user=user, subject=login, login=login)
    return user


@contextmanager
def private(settings: Any, on: bool) -> Iterator[None]:
    """The deployer, private or not."""
    before = settings.DEPLOYER
    settings.DEPLOYER = before.model_copy(update={"private": on})
    try:
        yield
    finally:
        settings.DEPLOYER = before


def chosen(who: Sequence[str], rule: str, *, private: bool, turn: int) -> list[str]:
    """Whom to ask for: all who are to be refused, which is quick, and of those who are to be let in two in turn.

    In the long run it is everybody.
    """
    welcome = [each for each in who if RULES[rule](each, private)]
    if os.environ.get("HYPOTHESIS_PROFILE") != "slow":
        welcome = [welcome[(turn + step) % len(welcome)] for step in range(min(2, len(welcome)))]
    return [*(each for each in who if not RULES[rule](each, private)), *welcome]


def let_in(answer: Any) -> bool:
    """Whether somebody was let in: not told to log in, not refused, and not told that there is no such thing."""
    if answer.status_code in (302, 303):
        return not answer.headers["Location"].startswith(("/login/", "/admin/login/"))
    # 503: not ready is an answer too.
    assert answer.status_code < 500 or answer.status_code == 503, answer.content[:500]
    return answer.status_code not in (401, 403, 404)
