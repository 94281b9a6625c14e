"""Logging in by an account elsewhere, and by a name and a password."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.api import Identity, OperationError
from core.models import Activity, Flavour
from core.web import login as page
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db

BASE = "http://testserver"


@pytest.fixture(autouse=True)
def _here(settings: Any, dummy: Dummy) -> None:
    """People know the deployer by the address that the client uses; anna can come back by the code `a`."""
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"base_url": BASE})
    dummy.login.people["a"] = Identity(subject="1", login="anna", groups=frozenset({"dummy:acme"}))


def set_out(client: Client, after: str = "", **headers: str) -> str:
    """Press the button; the state that comes back."""
    answer = client.post("/login/dummy/", {"next": after}, headers=headers)
    assert answer.status_code == 302, answer.content
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert query["redirect_uri"] == [f"{BASE}/login/dummy/callback"]
    return query["state"][0]


def come_back(client: Client, state: str, code: str = "a", **more: str) -> Any:
    return client.get("/login/dummy/callback", {"state": state, "code": code, **more})


def who(client: Client) -> str:
    answer = client.get("/plugins/")
    return answer.context["user"].get_username()


def said(answer: Any) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub("<[^>]+>", " ", answer.content.decode().partition("<main")[2]).split())


# Elsewhere


def test_who_comes_back_is_logged_in_and_sees_the_page_that_was_wanted(client):
    answer = come_back(client, set_out(client, "/jobs/?state=failed"))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs/?state=failed")
    assert who(client) == "dummy:anna"
    assert Activity.objects.get().verb == "logged in as"


def test_the_button_is_on_the_page_only_where_it_works(client, dummy):
    assert "Log in with the dummy" in client.get("/login/").content.decode()
    dummy.login.unset = "set DUMMY_ID"
    assert "Log in with the dummy" not in client.get("/login/").content.decode()


def test_the_key_of_the_session_changes(client):
    state = set_out(client)
    before = client.session.session_key
    come_back(client, state)
    inside = client.session.session_key
    assert inside != before
    come_back(client, set_out(client))
    assert client.session.session_key not in (before, inside)


def test_a_session_ends_after_the_hours_that_are_set_however_much_it_is_used(client, settings):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"login_hours": 3.0})
    come_back(client, set_out(client))
    ends = client.session.get_expiry_date()
    assert timedelta(hours=2.9) < ends - timezone.now() <= timedelta(hours=3)
    session = client.session
    session["something"] = "else"
    session.save()
    assert client.session.get_expiry_date() == ends


def test_what_comes_back_twice_is_taken_once(client):
    state = set_out(client)
    assert come_back(client, state).status_code == 302
    answer = come_back(client, state)
    assert answer.status_code == 400
    assert "has done so already with this link" in said(answer)


def test_a_stranger_cannot_have_somebody_logged_in_by_a_link(client, dummy):
    """Login CSRF: the state is of another browser."""
    state = set_out(Client())
    assert come_back(client, state).status_code == 400
    assert come_back(client, "").status_code == 400
    assert client.get("/login/dummy/callback").status_code == 400
    assert who(client) == ""


def test_setting_out_needs_a_token_of_the_page(dummy):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/login/dummy/").status_code == 403
    answer = strict.get("/login/dummy/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/")


def test_a_state_is_for_the_place_that_it_was_made_for(client, dummy):
    state = set_out(client)
    assert client.get("/login/github/callback", {"state": state, "code": "a"}).status_code in (400, 503)
    assert who(client) == ""


def test_ten_minutes_are_enough_and_more_is_told(client, monkeypatch):
    state, slow = set_out(client), set_out(client)
    now = time.time()
    monkeypatch.setattr(page.time, "time", lambda: now + 590)
    assert come_back(client, state).status_code == 302
    monkeypatch.setattr(page.time, "time", lambda: now + 700)
    answer = come_back(client, slow)
    assert answer.status_code == 400
    assert "More than ten minutes" in said(answer)


def test_a_clock_that_is_five_minutes_behind_on_another_host_does_no_harm(client, monkeypatch):
    state = set_out(client)
    now = time.time()
    monkeypatch.setattr(page.time, "time", lambda: now - 300)
    assert come_back(client, state).status_code == 302


def test_several_windows_do_not_disturb_each_other(client):
    first, second = set_out(client, "/jobs/"), set_out(client, "/plugins/")
    assert come_back(client, second).headers["Location"] == "/plugins/"
    assert come_back(client, first).headers["Location"] == "/jobs/"


def test_a_browser_keeps_no_more_than_a_few_states(client):
    states = [set_out(client) for _ in range(10)]
    assert come_back(client, states[0]).status_code == 400
    assert come_back(client, states[-1]).status_code == 302


@pytest.mark.parametrize(
    "after",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "https:evil",
        "///x",
        "\0//x",
        "http://[",
        "/login/dummy/callback?state=x",
        "/logout/",
    ],
)
def test_nobody_is_sent_on_to_another_site_nor_round_in_a_circle(client, after):
    assert come_back(client, set_out(client, after)).headers["Location"] == "/"
    User.objects.create_user("bert", password="open sesame")
    answer = client.post("/login/", {"username": "bert", "password": "open sesame", "next": after})
    assert answer.headers["Location"] == "/"


def test_the_end_of_a_header_cannot_be_smuggled_into_it(client):
    answer = come_back(client, set_out(client, "/jobs/\r\nSet-Cookie: a=b"))
    assert "\n" not in answer.headers["Location"]
    assert "a" not in client.cookies


def test_whoever_tries_again_still_sees_the_page_that_was_wanted(client, dummy):
    dummy.login.error = PermissionError("no")
    assert "/login/?next=%2Fjobs%2F" in come_back(client, set_out(client, "/jobs/")).content.decode()


def test_a_button_pressed_under_another_address_goes_on_under_the_one_that_people_are_sent_back_to(client, settings):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"base_url": "https://deploy.example.org"})
    answer = client.post("/login/dummy/", {"next": "/jobs/"}, headers={"Origin": "http://testserver"})
    assert answer.headers["Location"] == "https://deploy.example.org/login/?next=%2Fjobs%2F"


def test_who_cancelled_is_told_so(client):
    answer = come_back(client, set_out(client), code="", error="access_denied")
    assert answer.status_code == 403
    assert "You cancelled at the dummy" in said(answer)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationError("dummy.example cannot be reached: ConnectError"), 502, "cannot be reached: ConnectError"),
        (PermissionError("it does not take the code"), 403, "does not take the code"),
        (TimeoutError(), 504, "does not answer"),
    ],
)
def test_what_goes_wrong_elsewhere_is_told_and_does_no_harm(client, dummy, error, status, words):
    dummy.login.error = error
    answer = come_back(client, set_out(client))
    assert (answer.status_code, who(client)) == (status, "")
    assert words in said(answer)
    assert "To the login" in said(answer)
    dummy.login.error = None
    assert come_back(client, set_out(client)).status_code == 302


def test_another_error_of_the_place_elsewhere_is_shown_as_text(client):
    answer = come_back(client, set_out(client), code="", error="<script>suspended")
    assert answer.status_code == 502
    assert b"&lt;script&gt;suspended" in answer.content


def test_what_is_not_set_up_says_what_is_missing(client, dummy):
    dummy.login.unset = "set DUMMY_ID"
    answer = client.post("/login/dummy/")
    assert answer.status_code == 503
    assert "set DUMMY_ID" in said(answer)
    assert "set DUMMY_ID" in said(client.get("/login/dummy/"))
    assert client.post("/login/nowhere/").status_code == 404


def test_a_deactivated_user_is_refused_and_told_whom_to_ask(client):
    come_back(client, set_out(client))
    User.objects.update(is_active=False)
    assert who(client) == "", "and the session that was open is over"
    answer = come_back(client, set_out(client))
    assert (answer.status_code, who(client)) == (403, "")
    assert "dummy:anna was deactivated here" in said(answer)


def test_a_login_that_somebody_took_over_gives_none_of_the_rights_or_history_of_the_one_before(client, dummy):
    Flavour.objects.create(name="acme", admins=["dummy:anna"])
    come_back(client, set_out(client))
    dummy.login.people["b"] = Identity(subject="2", login="anna")
    other = Client()
    come_back(other, set_out(other), code="b")
    assert who(other) == "dummy:anna~2"
    assert not User.objects.get(username="dummy:anna~2").is_staff
    assert other.get("/admin/").status_code == 302
    assert client.get("/admin/").status_code == 200


# The admin


def test_the_admin_opens_to_the_admins_of_all_flavours_for_the_deployers_own_screens(client):
    Flavour.objects.create(name="acme", admins=["dummy:acme"])
    come_back(client, set_out(client))
    assert client.get("/admin/core/flavour/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403
    assert client.get("/admin/django_q/schedule/").status_code == 403


def test_whoever_is_an_admin_no_longer_can_do_nothing_in_the_admin_from_then_on(client):
    Flavour.objects.create(name="acme", admins=["dummy:acme"])
    come_back(client, set_out(client))
    Flavour.objects.create(name="other", admins=["somebody"])
    assert client.get("/admin/core/flavour/").status_code == 403
    come_back(client, set_out(client))
    assert not User.objects.get().is_staff


def test_the_admin_sends_people_to_the_one_login_and_refuses_whoever_is_not_of_the_staff(client):
    answer = client.get("/admin/core/flavour/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2Fcore%2Fflavour%2F"
    come_back(client, set_out(client))
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "for the admins of all of them" in said(answer)


def test_somebody_elsewhere_can_be_deactivated_in_the_admin(client, admin_client):
    come_back(client, set_out(client))
    user = User.objects.get(username="dummy:anna")
    answer = admin_client.post(
        f"/admin/auth/user/{user.pk}/change/", {"date_joined_0": "2026-01-01", "date_joined_1": "10:00"}
    )
    assert answer.status_code == 302, answer.content
    user.refresh_from_db()
    assert (user.username, user.is_active) == ("dummy:anna", False)


# Names and passwords


def test_local_users_log_in_by_name_and_password_on_the_same_page(client):
    User.objects.create_user("bert", password="open sesame")
    answer = client.post("/login/", {"username": "bert", "password": "open sesame", "next": "/jobs/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/jobs/")
    assert who(client) == "bert"
    assert [(each.user.username, each.verb) for each in Activity.objects.all()] == [("bert", "logged in as")]


def test_somebody_elsewhere_has_no_password_here(client):
    come_back(client, set_out(client))
    other = Client()
    for password in ("", "!", User.objects.get().password):
        other.post("/login/", {"username": "dummy:anna", "password": password})
        assert who(other) == ""


def test_a_local_user_who_is_named_by_every_flavour_gets_into_the_admin_and_one_of_a_single_flavour_does_not(client):
    Flavour.objects.create(name="acme", admins=["ann"])
    client.force_login(User.objects.create_user("ann"))
    assert client.get("/admin/core/flavour/", follow=True).status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403
    Flavour.objects.create(name="other", admins=["ben"])
    assert client.get("/admin/core/flavour/").status_code == 403
    client.force_login(User.objects.create_user("ben"))
    answer = client.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "An admin of one flavour approves, freezes" in said(answer)
    assert not User.objects.get(username="ben").is_staff
