"""What goes wrong for people who act is told kindly, and nothing is done twice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from core.models import Activity, Flavour, Job, Release, Repository, Rollback, Service
from core.services import approvals
from core.states import JobState
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return factories.make_user("ann")


@pytest.fixture
def bob() -> User:
    return factories.make_user("bob")


@pytest.fixture
def service(ann: User, bob: User) -> Service:
    """The shop, which went live twice; Ann and Bob may act on it."""
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    Flavour.objects.update(admins=["ann", "bob"])
    return Service.objects.get()


def as_person(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def test_of_two_who_approve_the_first_counts_and_the_second_is_told(service: Service, ann: User, bob: User) -> None:
    job = factories.make_job(flavour=Flavour.objects.get())
    path = f"/jobs/{job.pk}/approve"
    as_person(ann).post(path)
    assert f"job {job.pk} was approved already, by ann" in as_person(bob).post(path, follow=True).content.decode()
    as_person(ann).post(path)
    job.refresh_from_db()
    assert job.approved_by == ann
    assert Activity.objects.filter(verb="approved").count() == 1


def test_what_has_ended_or_is_being_cancelled_is_not_cancelled_again(service: Service, ann: User, bob: User) -> None:
    job = factories.make_job(flavour=Flavour.objects.get(), state=JobState.RUNNING)
    path = f"/jobs/{job.pk}/cancel"
    as_person(ann).post(path, {"reason": "first"})
    said = as_person(bob).post(path, {"reason": "second"}, follow=True).content.decode()
    assert f"job {job.pk} is being cancelled already: first" in said
    assert Activity.objects.filter(verb="cancelled").count() == 1


def test_the_same_rollback_twice_is_one(service: Service, ann: User, bob: User) -> None:
    old = Release.objects.get(commit__hash=shop.hash_of("one"))
    path = f"/services/{service.pk}/rollback/{old.pk}"
    as_person(ann).post(path, {"reason": "slow"})
    assert "already, by ann" in as_person(bob).post(path, {"reason": "slow"}, follow=True).content.decode()
    assert Rollback.objects.count() == 1


def test_a_form_that_shows_what_is_no_longer_so_is_shown_anew_and_not_done(service: Service, ann: User) -> None:
    old = Release.objects.get(commit__hash=shop.hash_of("one"))
    for path in (f"/services/{service.pk}/rollback/{old.pk}", f"/services/{service.pk}/redeploy"):
        client = as_person(ann)
        shown = re.search(r'name="standing" value="([^"]*)"', client.get(path).content.decode())
        assert shown
        Service.objects.update(current=old)
        answer = client.post(path, {"standing": shown[1]}, follow=True)
        assert answer.redirect_chain == [(path, 302)]
        assert "moved on" in answer.content.decode()
        Service.objects.update(current=service.current)
    assert not Rollback.objects.exists()
    assert not Job.objects.active().exists()


@pytest.mark.parametrize("private", [False, True])
def test_whose_session_is_over_is_told_that_nothing_was_done_and_led_back(
    service: Service, ann: User, private: bool, settings: Any
) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": private})
    ann.set_password("secret-word")
    ann.save()
    job = factories.make_job(flavour=Flavour.objects.get())
    client = Client(headers={"Referer": f"http://testserver/jobs/{job.pk}/?x=1"})
    page = client.post(f"/jobs/{job.pk}/approve", follow=True)
    assert "Nothing was done: you are not logged in" in page.content.decode()
    said = {"username": "ann", "password": "secret-word", "next": page.context["next"]}
    assert client.post("/login/", said).headers["Location"] == f"/jobs/{job.pk}/?x=1"
    assert not Activity.objects.filter(verb="approved").exists()


@pytest.mark.parametrize(
    "referer", ["", "https://elsewhere.example/jobs/1/", "http://testserver/nowhere", "javascript:x"]
)
def test_nobody_is_led_elsewhere(service: Service, referer: str) -> None:
    answer = Client(headers={"Referer": referer}).post(f"/services/{service.pk}/unlock")
    assert answer.headers["Location"] == "/login/?next=/"


def test_a_page_from_before_the_login_is_told_kindly(service: Service, ann: User) -> None:
    job = factories.make_job(flavour=Flavour.objects.get())
    client = as_person(ann, enforce_csrf_checks=True, headers={"Referer": f"http://testserver/jobs/{job.pk}/"})
    client.get("/login/")
    answer = client.post(f"/jobs/{job.pk}/approve", {"csrfmiddlewaretoken": "x" * 64})
    assert answer.status_code == 403
    assert f'href="/jobs/{job.pk}/"' in answer.content.decode()
    assert "Nothing was done" in answer.content.decode()
    assert not Activity.objects.filter(verb="approved").exists()


def test_what_is_gone_is_told(service: Service, ann: User) -> None:
    client = as_person(ann)
    Service.objects.update(retired_at=factories.timezone.now())
    assert "is retired" in client.post(f"/services/{service.pk}/lock", {"reason": "x"}, follow=True).content.decode()
    Repository.objects.update(retired_at=factories.timezone.now())
    path = f"/repositories/{Repository.objects.get().pk}/look"
    assert "is retired" in client.post(path, follow=True).content.decode()
    token = factories.make_api_token(owner=ann)
    client.post(f"/tokens/{token.pk}/revoke")
    assert "was revoked already" in client.post(f"/tokens/{token.pk}/revoke", follow=True).content.decode()
    assert client.post("/jobs/999/approve").status_code == 404


def test_a_fault_shows_a_page_and_no_traceback(service: Service, ann: User, monkeypatch: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("secret inside")

    monkeypatch.setattr(approvals, "approve", fail)
    answer = as_person(ann, raise_request_exception=False).post(f"/jobs/{Job.objects.first().pk}/approve")  # type: ignore[union-attr]
    assert answer.status_code == 500
    assert "Something is wrong here" in answer.content.decode()
    assert "secret inside" not in answer.content.decode()


def test_activity_shows_what_somebody_asks_for_with_links_and_reasons(service: Service, ann: User) -> None:
    as_person(ann).post(f"/services/{service.pk}/lock", {"reason": "moving <b>"})
    client = Client()
    page = client.get("/activity/", {"by": "ann"}).content.decode()
    assert f'<a href="/services/{service.pk}/">shop</a>' in page
    assert "moving &lt;b&gt;" in page
    assert "deployment succeeded" not in page.split("</form></div>")[1]
    page = client.get("/activity/", {"by": ":deployer", "subject": "deployment", "since": "hour"}).content.decode()
    assert '<a href="/deployments/' in page
    assert "is like that" in client.get("/activity/", {"subject": "job 77\0"}).content.decode()
    found = client.get("/api/activity", {"by": ":deployer", "subject": "deployment"}).json()["items"]
    assert {each["verb"] for each in found} == {"deployment succeeded"}
