"""Who may do what, and who may look.

A flavour's `admins`, `builders` and `viewers` hold names: a local user's (`anna`), somebody's who has an account
elsewhere (`github:anna`), an organisation's (`github:acme`) or a team's (`github:acme/ops`). Names elsewhere are the same
in large and small letters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Concat, Lower

from core import clock, configuration
from core.models import Flavour, Identity
from core.states import Role

#: Groups whose members have a role in every flavour.
ADMINS, BUILDERS = "deployer-admins", "deployer-builders"

Person = User | AnonymousUser


def role_of(user: Person, flavour: Flavour) -> Role:
    """What a person may do in a flavour. Everybody whom the pages are shown may look."""
    if not user.is_active:
        return Role.VIEWER
    if user.is_superuser:
        return Role.ADMIN
    names = names_of(user)
    if _named(names, flavour.admins):
        return Role.ADMIN
    return max(_by_group(user), Role.BUILDER if _named(names, flavour.builders) else Role.VIEWER)


def require(user: Person, flavour: Flavour, role: Role) -> None:
    """Refuse a person who has not at least this role in a flavour.

    :raises PermissionDenied: says which role is missing and how to get it.
    """
    if role_of(user, flavour) >= role:
        return
    group, listed = (ADMINS, "admins") if role is Role.ADMIN else (BUILDERS, "builders")
    raise PermissionDenied(
        f"This needs the role {role.name.lower()} in flavour {flavour.name}: ask its admins to name "
        f"{user.get_username() or 'you'} among its {listed}, or to put you into the group {group}."
    )


def require_works(user: Person) -> None:
    """Refuse whoever neither works with the deployer nor looks after it: how it is run is not for everybody.

    :raises PermissionDenied: says how to get there.
    """
    if not user.is_active:
        raise PermissionDenied("Sign in first: this is for those who work with the deployer.")
    if user.is_superuser or user.is_staff or _by_group(user) >= Role.BUILDER:
        return
    names = names_of(user)
    rows = _in_use().values_list("admins", "builders")
    if not any(_named(names, listed) for row in rows for listed in row):
        raise PermissionDenied(
            f"This is for those who may build something: ask an admin of a flavour to name {user.get_username()} among its "
            f"builders, or to put you into the group {BUILDERS}."
        )


def require_run(user: Person, flavour: str) -> None:
    """Refuse whoever may not change what a runner takes.

    :param flavour: the one that the runner looks after alone; empty for one that looks after everything.
    :raises PermissionDenied: says which role is missing.
    """
    if is_admin_everywhere(user):
        return
    row = _in_use().filter(name=flavour).first() if flavour else None
    if row is None:
        raise PermissionDenied(
            f"This needs the role admin in every flavour, as the runner works for all: ask to be put into the group {ADMINS}."
        )
    require(user, row, Role.ADMIN)


def require_everywhere(user: Person) -> None:
    """Refuse a person who is not an admin of every flavour.

    :raises PermissionDenied: says how to become one.
    """
    if not is_admin_everywhere(user):
        raise PermissionDenied(
            "This is of no flavour, and needs the role admin in every one of them: ask to be named among the admins of all "
            f"flavours, or to be put into the group {ADMINS}."
        )


def is_admin_everywhere(user: Person) -> bool:
    """Whether a person is an admin of every flavour in use: whoever may change one row of the admin may change all."""
    if not user.is_active:
        return False
    if user.is_superuser or _by_group(user) is Role.ADMIN:
        return True
    lists = list(_in_use().values_list("admins", flat=True))
    if not any(lists):
        return False
    names = names_of(user)
    return all(_named(names, admins) for admins in lists)


def may_look(user: Person) -> bool:
    """Whether the pages are shown to a person where not everybody may look: to local users, and to those who are named."""
    flavours = visible_flavours(user)
    return flavours is None or bool(flavours)


def visible_flavours(user: Person) -> frozenset[int] | None:
    """The keys of the flavours that a person may look at where not everybody may; None for all, also those retired.

    Local users and those who have a role everywhere see all; others see the flavours that name them.
    """
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    if user.is_superuser or not is_external(user) or _by_group(user) > Role.VIEWER:
        return None
    names = names_of(user)
    rows = list(_in_use().values_list("pk", "admins", "builders", "viewers"))
    if any(rows) and all(_named(names, admins) for _, admins, _, _ in rows):
        return None
    return frozenset(key for key, *lists in rows if any(_named(names, listed) for listed in lists))


def sees_everything(user: Person) -> bool:
    """Whether nothing is kept from a person: what tells of all flavours at once is for those alone."""
    return not configuration.current().private or visible_flavours(user) is None


def is_external(user: Person) -> bool:
    """Whether a person is known by an account elsewhere: no local user's name has a colon."""
    return ":" in user.get_username()


def names_of(user: Person) -> Collection[str]:
    """What a person can be called in a flavour's lists.

    Somebody's name is the login at the first time of logging in, and the login of today unless that was somebody else's
    before. Groups count for as long as a session does.
    """
    own = user.get_username()
    if not is_external(user):
        return {own}
    return {_spelt(name) for name in (own, *_names_elsewhere(user))}


def is_named(user: Person, listed: Iterable[str]) -> bool:
    """Whether a list of names, as flavours have them, names a person who is active."""
    return user.is_active and _named(names_of(user), listed)


def _names_elsewhere(user: Person) -> Iterable[str]:
    called = Lower(Concat(F("provider"), Value(":"), F("login")))
    others = User.objects.alias(spelt=Lower("username")).filter(spelt=OuterRef("called")).exclude(pk=OuterRef("user"))
    identity = Identity.objects.annotate(called=called, taken=Exists(others)).filter(user=user.pk).first()
    if identity is None:
        return
    if not identity.taken:
        yield identity.called
    if identity.seen_at + timedelta(hours=configuration.current().login_hours) > clock.now():
        yield from identity.groups


def _named(names: Collection[str], listed: Iterable[str]) -> bool:
    return any(_spelt(name) in names for name in listed)


def _spelt(name: str) -> str:
    return name.lower() if ":" in name else name


def _by_group(user: Person) -> Role:
    groups = set(user.groups.filter(name__in=(ADMINS, BUILDERS)).values_list("name", flat=True))
    if ADMINS in groups:
        return Role.ADMIN
    return Role.BUILDER if BUILDERS in groups else Role.VIEWER


def _in_use() -> QuerySet[Flavour]:
    # All of them, whatever the page that asks may show.
    return Flavour._base_manager.filter(retired_at=None).order_by()
