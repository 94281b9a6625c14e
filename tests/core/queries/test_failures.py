"""The jobs that failed lately, and what a rule says of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from core.logs.rules import Rule
from core.logs.store import LogStore
from core.models import Job
from core.queries import failures
from core.states import JobState
from core.values import LogRule
from tests import factories

pytestmark = pytest.mark.django_db
RULE = Rule(LogRule(name="error", pattern="^error: (.+)$", report=r"\1"))


def failed(store: LogStore, log: bytes) -> Job:
    job = factories.make_job(state=JobState.FAILED, log=f"{Job.objects.count()}.log")
    writer = store.open(job.log)
    writer.write(log)
    writer.close()
    return job


def test_the_newest_failures_of_the_last_30_days_are_looked_at() -> None:
    old, new, newest = (factories.make_job(state=JobState.FAILED, log="x.log") for _ in range(3))
    factories.make_job(state=JobState.FAILED)
    factories.make_job(state=JobState.CANCELLED, log="x.log")
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=31))
    assert failures.lately(timezone.now()) == [newest, new]
    assert failures.lately(timezone.now(), most=1) == [newest]


def test_a_rule_is_tried_on_the_end_of_each_log(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    short = failed(store, b"working\nerror: no\n")
    failed(store, b"error: long ago\n" + b"all is well\n" * (failures.WINDOW // 12 + 1))
    long = failed(store, b"all is well\n" * (failures.WINDOW // 12 + 1) + b"error: late\n")
    trials = failures.try_on(RULE, failures.lately(timezone.now()), store)
    assert [(job, trial.line, trial.cause) for job, trial in trials.found] == [(long, 0, "late"), (short, 2, "no")]
    assert (trials.read, trials.left) == (3, 0)


def test_when_patience_ends_the_rest_is_told_as_not_read(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    jobs = [failed(store, b"error: no\n") for _ in range(3)]
    trials = failures.try_on(RULE, jobs, store, patience=-1)
    assert (list(trials.found), trials.read, trials.left) == ([], 0, 3)


def test_how_often_each_rule_named_a_cause() -> None:
    for rule, days in (("a", 1), ("a", 2), ("b", 3), ("b", 31), ("", 1)):
        job = factories.make_job(state=JobState.FAILED, rule=rule)
        Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=days))
    assert failures.matches(timezone.now()) == {"a": 2, "b": 1}
