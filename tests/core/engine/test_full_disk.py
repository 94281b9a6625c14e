"""A disk without room for a job's log puts the job off; it never loses the job or what became of it."""

from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from core.engine.worker import Worker
from core.logs.store import LogStore
from core.models import Job
from core.states import JobState
from tests.core import shop


@sync_to_async
def claimed() -> Job:
    repository = shop.declare()
    shop.look(repository, live="first")
    shop.settle(repository)
    return shop.claim()[0]


@pytest.mark.django_db(transaction=True)
async def test_a_job_whose_log_cannot_be_written_is_tried_again_later_and_says_why(tmp_path: Path) -> None:
    job = await claimed()
    configuration = settings.DEPLOYER.model_copy(update={"data_dir": tmp_path})
    log = LogStore(configuration.logs_dir).path(job.log)
    log.parent.mkdir(parents=True)
    log.symlink_to("/dev/full")
    verdict = await Worker(configuration, "runner", lambda _: None).attempt(job)
    assert verdict.state is JobState.QUEUED
    assert verdict.retry_at
    assert "No space left on device; free some space there" in verdict.reason
