"""Users of people who log in elsewhere: whose each is, whatever becomes of logins."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from core.engine import schedules
from core.errors import OperationError, RefusedError
from core.models import Activity, Identity
from core.services import identities, people
from core.values import Identity as Told

pytestmark = pytest.mark.django_db


def enter(subject: str, login: str, *groups: str, **about: str) -> User:
    told = Told(subject=subject, login=login, groups=frozenset(groups), **about)
    return identities.enter("github", told, timezone.now())


def test_the_first_time_a_user_is_made_who_has_no_other_way_in():
    user = enter("1", "anna", "github:acme", name="Anna B.", email="anna@acme.example")
    assert (user.username, user.first_name, user.email) == ("github:anna", "Anna B.", "anna@acme.example")
    assert not user.has_usable_password()
    assert not user.is_staff
    assert user.identity.groups == ["github:acme"]


def test_the_next_time_it_is_the_same_user_with_the_groups_of_then():
    first = enter("1", "anna", "github:acme", "github:acme/ops")
    again = enter("1", "Anna", "github:acme")
    assert again == first
    assert Identity.objects.get().groups == ["github:acme"]


def test_who_was_renamed_stays_the_same_user():
    first = enter("1", "anna")
    renamed = enter("1", "anna-b")
    assert (renamed, renamed.username, renamed.identity.login) == (first, "github:anna", "anna-b")


@pytest.mark.parametrize("login", ["anna", "Anna"])
def test_who_took_a_login_over_is_another_user(login):
    former = enter("1", "anna")
    later = enter("2", login)
    assert later != former
    assert later.username == f"github:{login}~2"
    assert enter("2", login) == later
    assert enter("1", "anna-b") == former
    assert not Activity.objects.filter(user=later, verb="added").exists()


def test_a_name_that_was_used_by_nobody_in_particular_is_free():
    presser = people.elsewhere("github:anna")
    user = enter("1", "anna")
    presser.refresh_from_db()
    assert user != presser
    assert user.username == "github:anna"
    assert presser.username == f"github:anna~unknown-{presser.pk}"
    assert not presser.is_active


def test_whoever_was_deactivated_does_not_come_in_by_the_same_nor_by_another_login():
    user = enter("1", "anna")
    User.objects.update(is_active=False)
    for login in ("anna", "other"):
        with pytest.raises(RefusedError, match="github:anna was deactivated"):
            enter("1", login)
    assert list(User.objects.all()) == [user]


def test_groups_that_another_provider_would_have_to_tell_are_not_believed():
    assert enter("1", "anna", "gitlab:acme", "acme", "github:acme").identity.groups == ["github:acme"]


def test_a_login_is_recorded():
    user = enter("1", "anna")
    assert [(each.user, each.verb, each.label) for each in Activity.objects.all()] == [
        (user, "logged in as", "github:anna")
    ]


@pytest.mark.parametrize(
    ("subject", "login"),
    [("1", ""), ("1", "a b"), ("1", "a:b"), ("1", "a~2"), ("1", "x" * 200), ("", "anna"), ("1\0", "a")],
)
def test_what_makes_no_name_is_refused(subject, login):
    with pytest.raises(OperationError, match="cannot be used"):
        enter(subject, login)
    assert not User.objects.exists()


def test_the_admin_is_shown_and_shown_no_longer():
    user = enter("1", "anna")
    for may in (True, False):
        identities.let_into_admin(user, may)
        user.refresh_from_db()
        assert user.is_staff is may


def test_sessions_that_are_over_are_forgotten_by_the_sweep():
    for key, hours in (("over", -1), ("open", 1)):
        Session.objects.create(session_key=key, expire_date=timezone.now() + timedelta(hours=hours))
    schedules.sweep()
    assert [each.session_key for each in Session.objects.all()] == ["open"]


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_the_same_moment_make_one_user():
    barrier, found = Barrier(4), []

    def come() -> None:
        barrier.wait()
        found.append(enter("1", "anna").pk)
        connection.close()

    threads = [Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
