"""Why jobs are where they are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.queries import waiting
from core.states import JobState, Level
from tests import factories

pytestmark = pytest.mark.django_db


def reason(job):
    return waiting.reasons([job], timezone.now())[job.pk]


def test_a_job_that_needs_a_person_says_how_to_approve_it():
    flavour = factories.make_flavour(threshold=Level.AVERAGE)
    job = factories.make_job(flavour=flavour, level=Level.DANGEROUS)
    assert "Waits for approval" in reason(job)
    assert f"approve {job.pk}" in reason(job)


def test_a_job_that_no_runner_could_take_says_so():
    job = factories.make_job()
    factories.make_runner(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert "Waits for a runner" in reason(job)
    factories.make_runner()
    assert reason(job) == "Is about to start."


def test_a_job_that_is_being_cancelled_says_why():
    assert "Is being cancelled: superseded" in reason(
        factories.make_job(state=JobState.RUNNING, cancel_reason="superseded")
    )


def test_a_job_that_is_over_says_how_it_ended():
    assert reason(factories.make_job(state=JobState.FAILED, reason="make exited with status 2")).startswith(
        "make exited"
    )
    assert reason(factories.make_job(state=JobState.SUCCEEDED)) == ""


def test_the_reasons_of_many_jobs_cost_one_query(django_assert_num_queries):
    jobs = [factories.make_job() for _ in range(30)]
    with django_assert_num_queries(1):
        assert len(waiting.reasons(jobs, timezone.now())) == 30
