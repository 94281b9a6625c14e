"""The sentences that people read: why a job waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest

from core.pipeline.explain import QueuedJob, needs_approval, why_queued
from core.states import JobKind, Level

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("level", "threshold", "approved"), list(product(Level, [None, *Level], [False, True])), ids=repr
)
def test_only_what_is_at_or_above_the_threshold_and_not_approved_waits_for_a_person(
    level: Level, threshold: Level | None, approved: bool
) -> None:
    asks = threshold is not None and level >= threshold and not approved
    assert needs_approval(level, threshold, approved=approved) == asks


def queued(**fields: Any) -> QueuedJob:
    return replace(QueuedJob(id=12, kind=JobKind.BUILD, level=Level.AVERAGE, approved=False), **fields)


@pytest.mark.parametrize(
    ("job", "around", "sentence"),
    [
        pytest.param(
            queued(level=Level.DANGEROUS),
            {"threshold": Level.ABOVE_AVERAGE},
            "Waits for approval: it is dangerous, and operations that are above-average or more ask first. "
            "Approve it on its page or with `manage.py approve 12`.",
            id="a person has to approve it",
        ),
        pytest.param(
            queued(level=Level.DANGEROUS, approved=True),
            {"threshold": Level.ABOVE_AVERAGE},
            "Is about to start.",
            id="a person has approved it",
        ),
        pytest.param(
            queued(reason="Held by gate freeze: no deployments on Fridays.", not_before=NOW + timedelta(seconds=90)),
            {},
            "Held by gate freeze: no deployments on Fridays. Tried again at 12:01:30 UTC.",
            id="a gate holds it",
        ),
        pytest.param(
            queued(reason="the host does not answer", not_before=NOW + timedelta(days=2, hours=1)),
            {},
            "the host does not answer. Tried again at 2026-11-25 13:00:00 UTC.",
            id="another day is told with its date",
        ),
        pytest.param(
            queued(not_before=NOW + timedelta(seconds=5)),
            {},
            "It is put off. Tried again at 12:00:05 UTC.",
            id="nobody said why it is put off",
        ),
        pytest.param(
            queued(reason="busy", not_before=(NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=5)))),
            {},
            "busy. Tried again at 13:00:00 UTC.",
            id="times are told in UTC, wherever they come from",
        ),
        pytest.param(
            queued(reason="the host does not answer", not_before=NOW), {}, "Is about to start.", id="its time has come"
        ),
        pytest.param(
            queued(),
            {"runners": 0},
            "Waits for a runner: none is alive. Start one with `manage.py run_runner` or `manage.py run_pipeline`.",
            id="there is nobody to run it",
        ),
        pytest.param(
            queued(pool="builder docker"),
            {"pool_full": True},
            "Waits for a free place: all builder docker places are taken by jobs that came first or matter more.",
            id="others go first",
        ),
        pytest.param(queued(), {}, "Is about to start.", id="nothing holds it"),
    ],
)
def test_why_a_job_waits(job: QueuedJob, around: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {"threshold": None, "now": NOW, "runners": 1, "pool_full": False, **around}
    assert why_queued(job, **given) == sentence


def test_the_first_reason_is_the_one_that_a_person_has_to_do_something_about() -> None:
    job = queued(level=Level.DANGEROUS, not_before=NOW + timedelta(hours=1))
    assert why_queued(job, threshold=Level.DANGEROUS, now=NOW, runners=0, pool_full=True).startswith(
        "Waits for approval"
    )
