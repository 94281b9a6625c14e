"""Who acts on the command line."""

from __future__ import annotations

import os
import pwd

import pytest
from django.contrib.auth.models import User

from core.errors import ConfigurationError
from core.models import Activity
from core.services import people

pytestmark = pytest.mark.django_db
ME = pwd.getpwuid(os.getuid()).pw_name


def test_a_named_person_acts():
    anna = User.objects.create_user("anna")
    assert people.at_the_terminal("anna") == anna
    assert User.objects.count() == 1


def test_an_unknown_name_is_refused_with_who_was_probably_meant():
    User.objects.create_user("anna")
    with pytest.raises(ConfigurationError, match="user 'ana': unknown; did you mean 'anna'"):
        people.at_the_terminal("ana")
    assert User.objects.count() == 1


def test_without_a_name_it_is_who_the_system_says():
    mine = User.objects.create_user(ME)
    assert people.at_the_terminal() == mine
    assert not Activity.objects.exists()


def test_who_has_no_account_gets_one_that_nobody_can_sign_in_with(client):
    made = people.at_the_terminal()
    assert made.username == ME
    assert not made.is_active
    assert not made.has_usable_password()
    activity = Activity.objects.get()
    assert activity.user is None
    assert f"{ME} acts on the command line" in activity.reason


def test_the_account_is_made_once():
    assert people.at_the_terminal() == people.at_the_terminal()
    assert Activity.objects.count() == 1
