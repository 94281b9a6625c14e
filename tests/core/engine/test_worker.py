"""What an error means for its job: judged on the event loop, where no database is asked for the time."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from core.engine.worker import MAX_ATTEMPTS, judge
from core.errors import OperationError, Stalled
from core.states import JobState


@pytest.mark.parametrize("error", [OperationalError("the connection is closed"), InterfaceError("closed already")])
async def test_a_database_that_went_away_says_nothing_of_a_job(error: Exception) -> None:
    verdict = judge(error, attempts=MAX_ATTEMPTS)
    assert (verdict.state, verdict.counts) == (JobState.QUEUED, False)
    assert verdict.retry_at
    assert verdict.reason == "The database did not answer; it is tried again"


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (OperationError("the host does not answer"), JobState.QUEUED),
        (Stalled("it does not build"), JobState.FAILED),
        (IntegrityError("two of a kind"), JobState.FAILED),
        (KeyError("name"), JobState.FAILED),
    ],
)
async def test_what_may_pass_is_tried_again_and_what_will_not_is_not(error: Exception, state: JobState) -> None:
    assert judge(error, attempts=0).state is state
