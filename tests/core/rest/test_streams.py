"""Streams over the whole ASGI stack: a log and the events, and coming back to them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from django.utils import timezone

from core import configuration
from core.logs.store import LogStore
from core.models import Job
from core.services import activities, hints
from core.states import JobState
from deployer_site.asgi import application
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


class Stream:
    """What a browser's `EventSource` makes of an answer."""

    def __init__(self, connection: ApplicationCommunicator) -> None:
        self._connection = connection
        self._read = b""

    async def event(self) -> tuple[str, str, Any]:
        """The next event: its name, its id and its data."""
        while True:
            head, found, rest = self._read.partition(b"\n\n")
            if not found:
                part = await self._connection.receive_output(5)
                self._read += part["body"]
                assert part["body"] or part.get("more_body"), "the stream has ended"
                continue
            self._read = rest
            fields = dict(line.split(": ", 1) for line in head.decode().split("\n") if not line.startswith(":"))
            if "event" in fields:
                return fields["event"], fields.get("id", ""), json.loads(fields["data"])


@asynccontextmanager
async def opened(path: str, last: str = "") -> AsyncIterator[Stream]:
    headers = [(b"host", b"localhost"), *([(b"last-event-id", last.encode())] if last else [])]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
    connection = ApplicationCommunicator(application, scope)
    await connection.send_input({"type": "http.request", "body": b""})
    start = await connection.receive_output(5)
    assert start["status"] == 200
    assert dict(start["headers"])[b"Content-Type"] == b"text/event-stream"
    try:
        yield Stream(connection)
    finally:
        await connection.send_input({"type": "http.disconnect"})
        await connection.wait(5)


def write(job: Job, data: bytes) -> None:
    with contextlib.closing(LogStore(configuration.current().logs_dir).open(job.log)) as log:
        log.write(data)
    hints.changed()


async def test_a_log_is_streamed_to_its_end_and_taken_up_where_it_was_left() -> None:
    job = await database_sync_to_async(factories.make_job)(state=JobState.RUNNING, log="2026-01-01/000001-build.log")
    await database_sync_to_async(write)(job, "first\nüber\n".encode())
    async with opened(f"/api/jobs/{job.pk}/log/stream") as stream:
        assert await stream.event() == ("log", "12", {"text": "first\nüber\n"})
        await database_sync_to_async(write)(job, b"second\r\xc3")
        assert await stream.event() == ("log", "19", {"text": "second\r"})
    async with opened(f"/api/jobs/{job.pk}/log/stream", "19") as stream:
        await database_sync_to_async(write)(job, b"\xa4\n")
        assert await stream.event() == ("log", "22", {"text": "ä\n"})
        await Job.objects.filter(pk=job.pk).aupdate(state=JobState.FAILED, reason="no luck")
        await database_sync_to_async(hints.changed)()
        assert await stream.event() == ("end", "", {"state": "failed", "reason": "no luck"})


async def test_what_is_active_is_told_first_and_then_what_changes() -> None:
    job = await database_sync_to_async(factories.make_job)(state=JobState.RUNNING)
    person = await database_sync_to_async(factories.make_user)("ann")
    async with opened("/api/events") as stream:
        name, mark, data = await stream.event()
        assert (name, data["id"], data["state"]) == ("job", job.pk, "running")
        await database_sync_to_async(activities.record)(person, "cancelled", job, reason="enough")
        await database_sync_to_async(hints.changed)()
        name, mark, data = await stream.event()
        assert (name, data["by"], data["verb"], data["reason"]) == ("activity", "ann", "cancelled", "enough")
    await database_sync_to_async(finish)(job)
    async with opened("/api/events", mark) as stream:
        name, _, data = await stream.event()
        assert (name, data["id"], data["state"]) == ("job", job.pk, "failed")


def finish(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, reason="no luck", finished_at=timezone.now())


@pytest.mark.parametrize("mark", ["x", "1", "1-", "-1", "9" * 40, "1-999999999999999"])
async def test_a_mark_that_is_none_of_ours_begins_anew(mark: str) -> None:
    job = await database_sync_to_async(factories.make_job)()
    async with opened("/api/events", mark) as stream:
        assert (await stream.event())[2]["id"] == job.pk


async def test_of_a_job_that_is_not_there_nothing_is_streamed() -> None:
    scope = {"type": "http", "method": "GET", "path": "/api/jobs/77/log/stream", "query_string": b"", "headers": []}
    connection = ApplicationCommunicator(application, {**scope, "headers": [(b"host", b"localhost")]})
    await connection.send_input({"type": "http.request", "body": b""})
    assert (await connection.receive_output(5))["status"] == 404
