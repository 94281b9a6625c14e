"""Who fails to log in too often has to wait."""

from __future__ import annotations

import pytest
from django.test import Client

from core.models import Activity
from core.web import attempts
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(attempts, "BY_NAME", 3)
    monkeypatch.setattr(attempts, "BY_ADDRESS", 5)
    monkeypatch.setattr(attempts.time, "time", lambda: 900_000_100.0)


def login(name: str, password: str = "wrong", address: str = "192.0.2.1"):
    return Client(REMOTE_ADDR=address).post("/login/", {"username": name, "password": password})


def test_a_name_that_failed_too_often_has_to_wait_wherever_it_is_tried_from():
    factories.make_user("alice", password="open sesame")
    for number, written in enumerate(("alice", " Alice ", "ａlice")):
        assert login(written, address=f"192.0.2.{number}").status_code == 200
    answer = login("alice", "open sesame", "192.0.2.9")
    assert answer.status_code == 429
    assert answer["Retry-After"] == "801"
    assert "Try again in 14 minutes." in answer.content.decode()
    assert login("bob").status_code == 200


def test_it_is_recorded_once():
    factories.make_user("alice")
    for _ in range(5):
        login("alice")
    [activity] = Activity.objects.filter(verb="held back logins of")
    assert (activity.label, activity.user) == ("alice", None)


def test_an_address_that_tries_many_names_has_to_wait_and_others_need_not():
    factories.make_user("alice", password="open sesame")
    for number in range(5):
        assert login(f"name{number}").status_code == 200
    assert login("alice", "open sesame").status_code == 429
    assert login("alice", "open sesame", "192.0.2.2").status_code == 302


def test_after_a_quarter_of_an_hour_it_is_forgotten(monkeypatch, settings):
    factories.make_user("alice", password="open sesame")
    for _ in range(3):
        login("alice")
    assert login("alice", "open sesame").status_code == 429
    monkeypatch.setattr(attempts.time, "time", lambda: 900_000_900.0)
    assert login("bob").status_code == 200
    assert login("alice", "open sesame").status_code == 302
    assert [path.name for path in (settings.DEPLOYER.data_dir / "attempts").iterdir()] == ["1000001"]


def test_where_nothing_can_be_counted_people_can_log_in(settings):
    factories.make_user("alice", password="open sesame")
    settings.DEPLOYER.data_dir.write_text("a file")
    assert login("alice").status_code == 200
    assert login("alice", "open sesame").status_code == 302
