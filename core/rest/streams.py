"""What happens, as it happens: the log of a job, and all that people and jobs do."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from channels.db import database_sync_to_async
from django.http import Http404, HttpRequest, HttpResponseBase
from ninja import Router

from core.logs import places
from core.logs.follow import follow
from core.models import Job
from core.queries import happenings
from core.rest.activity import ActivityOut
from core.rest.jobs import out
from core.rest.server_sent import event, last_event_id, response
from core.services import hints

router = Router(tags=["streams"])

#: Seconds in which hints are gathered into one look, and after which is looked without one.
_GATHER, _LOOK = 0.2, 5.0


@router.get(
    "/jobs/{int:id}/log/stream",
    summary="Its log from its beginning, or from the byte `Last-Event-ID` on, as server-sent events",
    description='Events `log` with `{"text": …}`, whose `id` is the byte that follows; `end` with how the job ended.',
)
async def log(request: HttpRequest, id: int) -> HttpResponseBase:
    """A log travels by bytes from an offset on, so that nothing is lost or doubled when a connection is."""
    job = await Job.objects.only("log").filter(pk=id).afirst()
    if job is None:
        raise Http404("There is no such job.")
    word = last_event_id(request)
    offset = int(word) if word.isascii() and word.isdigit() and len(word) < 16 else 0
    return response(_log(id, job.log, offset))


@router.get(
    "/events",
    summary="What people and jobs do, as server-sent events",
    description="Events `job` with a job as `/api/jobs/{id}` has it, first of those that are active, then of each whose "
    "state or reason changed; events `activity` as `/api/activity` has them. Who comes back with `Last-Event-ID` within "
    "an hour is told how each job ended meanwhile.",
)
async def events(request: HttpRequest) -> HttpResponseBase:
    return response(_events(last_event_id(request)))


async def _log(id: int, name: str, offset: int) -> AsyncIterator[bytes]:
    store = places.store()
    # What is no whole character yet waits for its rest.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    async with hints.listening(hints.log_group(id), hints.PAGES) as hinted:
        async for chunk in follow(store, name, offset, finished=lambda: _is_over(id), wake=hinted):
            text = decoder.decode(chunk.data)
            if text:
                rest = len(decoder.getstate()[0])
                yield event("log", json.dumps({"text": text}), str(chunk.offset + len(chunk.data) - rest))
    if left := decoder.decode(b"", final=True):
        yield event("log", json.dumps({"text": left}))
    yield event("end", await _job(id))


async def _events(mark: str) -> AsyncIterator[bytes]:
    async with hints.listening(hints.PAGES) as hinted:
        told = await database_sync_to_async(happenings.from_mark)(mark)
        while True:
            hinted.clear()
            said, told = await _since(told)
            for name, data in said:
                yield event(name, data, told.mark)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await hinted.wait()
            await asyncio.sleep(_GATHER)


@database_sync_to_async
def _since(told: happenings.Told) -> tuple[list[tuple[str, str]], happenings.Told]:
    jobs, activities, now_told = happenings.since(told)
    said: list[tuple[str, Any]] = [("job", out(job, reason)) for job, reason in jobs]
    said += [("activity", ActivityOut.from_orm(each)) for each in activities]
    return [(name, each.model_dump_json()) for name, each in said], now_told


@database_sync_to_async
def _job(id: int) -> str:
    row = Job.objects.get(pk=id)
    return json.dumps({"state": row.state, "reason": row.reason})


@database_sync_to_async
def _is_over(id: int) -> bool:
    return not Job.objects.active().filter(pk=id).exists()
