"""Nothing is left to do only when nothing is left to tell either."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from core import clock
from core.engine.settled import settled
from core.models import Job, Message, Ref, Repository
from core.services.scope import Scope
from core.states import JobState
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def end(job: Job, message: Message) -> None:
    """As a runner ends a deployment: with what is to be told of it."""
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED, finished_at=clock.now())
        Message.objects.filter(pk=message.pk).update(version=message.version + 1)
    connection.close()


def test_a_job_that_ends_between_two_questions_leaves_something_to_tell() -> None:
    job = factories.make_deployment(state=JobState.RUNNING).job
    message = factories.make_message(sent_version=1)
    assert message.version == 1
    ending = threading.Thread(target=end, args=(job, message))

    def asked(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, parameters, many, context)
        if Message._meta.db_table in sql and not ending.ident:
            ending.start()
            # Where the question keeps it from being written, it is written afterwards.
            ending.join(0.5)
        return answer

    since = clock.now() - timedelta(days=1)
    Repository.objects.update(looked_at=clock.now(), next_look_at=clock.now() + timedelta(hours=1))
    for each in (Repository, Ref):
        each.objects.update(reconciled_version=F("version"))
    with connection.execute_wrapper(asked):
        assert not settled(Scope(), since, clock.now())
    ending.join()
    assert not settled(Scope(), since, clock.now())
    Message.objects.update(sent_version=2)
    assert settled(Scope(), since, clock.now())
