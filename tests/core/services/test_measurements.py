"""What several processes measured, kept together."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.utils import timezone

from core import measures
from core.measures import Histogram
from core.models import Measurement
from core.services import facts, jobs, measurements
from core.services.jobs import Claim
from core.states import JobState
from core.values import Fact
from tests.core import shop
from tests.dummy_plugin.roles import BUILT

pytestmark = pytest.mark.django_db

TOOK = Histogram("tests_kept_seconds", "How long it took.", bounds=(1, 10))


def test_what_processes_measure_adds_up() -> None:
    for value in (0.5, 5, 50):
        TOOK.measure(value)
        assert measurements.flush()
    row = Measurement.objects.get()
    assert (row.name, row.count, row.total, row.buckets) == ("deployer_plugin_tests_kept_seconds", 3, 55.5, [1, 1, 1])


def test_nothing_new_costs_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert not measurements.flush()


def test_many_series_are_written_down_in_a_few_queries(django_assert_max_num_queries) -> None:
    for purpose in "abcdefghij":
        BUILT.count(purpose=purpose)
    with django_assert_max_num_queries(7):
        measurements.flush()
    assert Measurement.objects.count() == 10


def test_what_could_not_be_written_down_is_kept(monkeypatch) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("the disk is full")

    TOOK.measure(1)
    with monkeypatch.context() as patch:
        patch.setattr(measurements, "_add", fails)
        assert not measurements.flush()
    TOOK.measure(1)
    measurements.flush()
    assert Measurement.objects.get().count == 2


@pytest.mark.django_db(transaction=True)
def test_jobs_are_counted_once_they_are_committed() -> None:
    repository = shop.declare()
    shop.look(repository, one="1")
    shop.settle(repository)
    (job,) = shop.claim("r")
    assert jobs.finish(Claim(job.pk, "r"), JobState.FAILED, reason="it did not compile")
    taken = measures.take()
    assert taken["deployer_jobs_finished", ("build", "failed")].count == 1
    assert taken["deployer_job_queue_seconds", ("build",)].count == 1
    assert taken["deployer_job_run_seconds", ("build", "failed")].count == 1
    assert taken["deployer_reconcile_seconds", ()].count >= 1


def test_a_fact_that_changes_in_its_number_alone_wakes_no_page(monkeypatch) -> None:
    hinted: list[int] = []
    monkeypatch.setattr(facts.hints, "changed", lambda: hinted.append(1))
    for left in (5000, 4999, 4998):
        facts.record("git", [Fact(label="points", text="plenty", numbers={"left": left})], timezone.now())
    assert hinted == [1]
