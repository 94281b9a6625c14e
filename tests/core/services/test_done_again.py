"""What a person may have done again, and that it never takes a service back."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from core.errors import RefusedError
from core.models import Job, Repository
from core.services import requests
from core.states import JobKind
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create(username="anna")


def deployments() -> list[Job]:
    return list(Job.objects.filter(kind=JobKind.DEPLOYMENT).order_by("pk"))


def live_one_then_two() -> Repository:
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    return repository


def test_a_deployment_of_an_older_commit_is_not_done_again(person: User) -> None:
    live_one_then_two()
    older, _ = deployments()
    with pytest.raises(RefusedError, match=r"shop has moved on from acme/shop:live at .*: roll back to it instead"):
        requests.again(older, person)


def test_the_deployment_that_a_service_runs_on_can_be_done_again(person: User) -> None:
    repository = live_one_then_two()
    requests.again(deployments()[-1], person)
    assert [job.kind for job in shop.run_all(repository)] == [JobKind.DEPLOYMENT]
    assert shop.live() == "two"


def test_a_rollback_that_was_left_behind_is_not_done_again(person: User) -> None:
    repository = live_one_then_two()
    first = deployments()[0].deployment_of.release
    requests.roll_back(shop.service(), first, person, reason="two is slow")
    shop.run_all(repository)
    back = deployments()[-1]
    shop.look(repository, live="three")
    shop.run_all(repository)
    with pytest.raises(RefusedError):
        requests.again(back, person)


def test_a_rollback_that_failed_is_tried_again_when_a_person_asks_for_it_anew(person: User) -> None:
    repository = live_one_then_two()
    first = deployments()[0].deployment_of.release
    requests.roll_back(shop.service(), first, person, reason="two is slow")
    shop.run_all(repository, deployment="the host is down")
    assert (shop.live(), shop.service().status) == ("two", "failed")
    requests.roll_back(shop.service(), first, person, reason="the host is up again")
    shop.run_all(repository)
    assert (shop.live(), shop.service().status) == ("one", "done")
