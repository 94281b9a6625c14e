"""Who may do what."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied

from core.models import Flavour
from core.states import Role

#: Groups whose members have a role in every flavour.
ADMINS, BUILDERS = "deployer-admins", "deployer-builders"


def role_of(user: User | AnonymousUser, flavour: Flavour) -> Role:
    """What a person may do in a flavour. Everybody may look."""
    if not user.is_active:
        return Role.VIEWER
    if user.is_superuser or user.get_username() in flavour.admins:
        return Role.ADMIN
    groups = set(user.groups.filter(name__in=(ADMINS, BUILDERS)).values_list("name", flat=True))
    if ADMINS in groups:
        return Role.ADMIN
    return Role.BUILDER if BUILDERS in groups else Role.VIEWER


def require(user: User | AnonymousUser, flavour: Flavour, role: Role) -> None:
    """Refuse a person who has not at least this role in a flavour.

    :raises PermissionDenied: says which role is missing and how to get it.
    """
    if role_of(user, flavour) >= role:
        return
    groups = f"the group {ADMINS}" if role is Role.ADMIN else f"the group {BUILDERS} or {ADMINS}"
    raise PermissionDenied(
        f"This needs the role {role.name.lower()} in flavour {flavour.name}: ask its admins to put you into {groups}."
    )
