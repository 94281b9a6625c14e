"""What the admin lets people do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend

from core.models import Flavour
from core.plugins import plugins
from core.queries import access

_OWN = Flavour._meta.app_label
_KEPT = "_deployer_is_admin"


class RoleBackend(BaseBackend):
    """Lets the admins of all flavours do all that the screens of the deployer and of its plugins offer, and nothing beyond.

    Nothing of it is kept: whoever is named no longer may no longer. Users, groups and schedules stay with superusers, and
    with whom they give Django's own permissions.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return _is_own(perm.partition(".")[0]) and _is_admin(user_obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether an app's screens are listed."""
        return _is_own(app_label) and _is_admin(user_obj)


def _is_own(app_label: str) -> bool:
    """Whether an app is the deployer itself or one of its plugins."""
    return app_label == _OWN or app_label in plugins.modules


def _is_admin(user: Any) -> bool:
    """Asked many times for one page, and always of the same instance."""
    if not hasattr(user, _KEPT):
        setattr(user, _KEPT, access.is_admin_everywhere(user))
    return bool(getattr(user, _KEPT))
