"""Somebody at the admin, where the dummy plugin is installed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.core.admin.pages import Pages
from tests.dummy_plugin.hooks import Dummy


@pytest.fixture
def boss(client: Client, dummy: Dummy) -> Pages:
    """A superuser."""
    return Pages(client, User.objects.create_superuser("boss"))


@pytest.fixture
def staff(client: Client, dummy: Dummy) -> Callable[..., Pages]:
    """A member of the staff with these permissions: `staff("view_job", "change_job")`."""

    def make(*permissions: str) -> Pages:
        user = User.objects.create_user("staff", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        return Pages(client, user)

    return make
