"""Who acts on the command line."""

from __future__ import annotations

import os
import pwd

import pytest
from django.contrib.auth.models import User

from core.errors import ConfigurationError
from core.models import Activity
from core.services import people
from tests import factories

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


def test_who_acts_elsewhere_is_told_from_who_had_the_login_before() -> None:
    former = factories.make_identity(user=factories.make_user("github:bob"), login="bob", subject="1").user
    assert people.elsewhere("github:bob", "1") == former
    assert people.elsewhere("github:robert", "1") == former
    later = people.elsewhere("github:bob", "2")
    assert (later.username, later.is_active) == ("github:bob~2", False)
    assert people.elsewhere("github:bob", "2") == later


def test_who_acts_elsewhere_and_is_unknown_gets_a_user_that_nobody_signs_in_as() -> None:
    somebody = people.elsewhere("github:alice", "3")
    assert (somebody.username, somebody.is_active) == ("github:alice", False)
    assert people.elsewhere("github:alice") == somebody
