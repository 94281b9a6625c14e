"""Jobs and their logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import aget_object_or_404, get_object_or_404, render

from core import clock
from core.errors import OperationError
from core.logs import places
from core.logs.render import plain
from core.logs.store import LogStore
from core.models import Job
from core.queries import job_logs, waiting
from core.queries.access import role_of
from core.states import JobKind, JobState, Role
from core.web.parts import part_of
from core.web.views import gates

_PAGE = 50
#: Lines of a log that are part of its page.
_LAST = 200
#: Bytes of a log that are read at once.
_PIECE = 1 << 18


def jobs(request: HttpRequest) -> HttpResponse:
    """All jobs, the newest first, filtered by state and kind."""
    rows = Job.objects.select_related("repository", "flavour")
    chosen = {name: request.GET.get(name, "") for name in ("state", "kind")}
    for name, known in (("state", set(JobState)), ("kind", set(JobKind))):
        if chosen[name] in known:
            rows = rows.filter(**{name: chosen[name]})
    context = {
        "part": part_of(rows, request, _PAGE),
        "chosen": chosen,
        "states": list(JobState),
        "kinds": list(JobKind),
    }
    return render(request, "deployer/jobs.html", context)


def job(request: HttpRequest, pk: int) -> HttpResponse:
    """One job, what it waits for, and its log."""
    related = ("flavour", "repository", "commit", "build", "release", "approved_by", "input")
    row = get_object_or_404(Job.objects.select_related(*related), pk=pk)
    now = clock.now()
    held = gates.shown(request, row, now)
    absence = job_logs.absence(row)
    context = {
        "job": row,
        "gates": held,
        "absence": absence,
        "deployment": getattr(row, "deployment_of", None),
        "reason": held.without(waiting.reasons([row], now)[row.pk]),
        "may_act": role_of(request.user, row.flavour) >= Role.BUILDER,
        "others": Job.objects.filter(fingerprint=row.fingerprint).exclude(pk=pk)[:10],
        "log_end": "" if absence else _end(row),
        "needs_approval": row.state == JobState.QUEUED and row.approved_at is None and _asks(row),
    }
    return render(request, "deployer/job.html", context)


def _end(row: Job) -> str:
    """The last lines of a log: what is seen at once, and all that is seen without JavaScript."""
    store = places.store()
    return plain(store.tail(row.log, _LAST, limit=1 << 17)) if row.log else ""


def _asks(row: Job) -> bool:
    threshold = row.flavour.threshold_now
    return threshold is not None and row.level >= threshold


async def log(request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
    """The log as it is, for saving; a browser that shows it takes it for nothing but text."""
    row = await aget_object_or_404(Job, pk=pk)
    store = places.store()
    if row.log_removed_at:
        return _told(job_logs.absence(row), HTTPStatus.GONE)
    try:
        # A job that has not begun has no log.
        size = await asyncio.to_thread(store.size, row.log)
    except OperationError as error:
        return _told(str(error), HTTPStatus.SERVICE_UNAVAILABLE)
    response = StreamingHttpResponse(_pieces(store, row.log, size), content_type="text/plain; charset=utf-8")
    how = "attachment" if "save" in request.GET else "inline"
    response["Content-Disposition"] = f'{how}; filename="job-{row.pk}.log"'
    # What is appended later belongs to another request.
    response["Content-Length"] = size
    return response


def _told(sentence: str, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8")


async def _pieces(store: LogStore, name: str, size: int) -> AsyncIterator[bytes]:
    """A log, a piece at a time: it may be larger than anybody's memory."""
    offset = 0
    while offset < size and (data := await asyncio.to_thread(store.read, name, offset, min(_PIECE, size - offset))):
        yield data
        offset += len(data)
