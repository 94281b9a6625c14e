"""A job whose end was asked for ends, even when the runner that was to hear of it is lost."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.models import Job
from core.services import jobs, requests
from core.states import JobKind, JobState
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create(username="anna")


def running_deployment() -> Job:
    """Release `one` runs, and the deployment of `two` is under way."""
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    shop.look(repository, live="two")
    shop.settle(repository)
    while (claimed := shop.claim())[0].kind != JobKind.DEPLOYMENT:
        for job in claimed:
            shop.finish(job)
        shop.settle(repository)
    return claimed[0]


def state(job: Job) -> tuple[str, str]:
    job.refresh_from_db()
    return job.state, job.reason


def test_a_job_is_over_when_its_runner_is_lost_after_a_cancel(person: User) -> None:
    job = running_deployment()
    jobs.cancel(job, person, reason="it breaks the shop")
    jobs.take_back([job.runner], timezone.now())
    assert state(job) == (JobState.CANCELLED, "it breaks the shop")


def test_a_job_is_over_when_it_is_put_back_after_a_cancel(person: User) -> None:
    job = running_deployment()
    jobs.cancel(job, person, reason="it breaks the shop")
    jobs.put_back(jobs.Claim(job.pk, job.runner), reason="the network is down", not_before=None, counts=True)
    assert state(job) == (JobState.CANCELLED, "it breaks the shop")


def test_a_lost_job_whose_end_was_asked_for_is_in_nobodys_way(person: User) -> None:
    job = running_deployment()
    before = shop.service().current
    assert before is not None
    jobs.cancel(job, person, reason="it breaks the shop")
    jobs.take_back([job.runner], timezone.now())
    requests.roll_back(shop.service(), before, person, reason="back to what works")
    assert job.repository is not None
    shop.run_all(job.repository)
    assert (shop.live(), shop.service().status) == ("one", "done")
