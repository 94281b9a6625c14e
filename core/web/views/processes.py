"""Which process runs what, on which host; and having a runner take nothing more."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from core import clock
from core.engine import schedules
from core.errors import RefusedError
from core.models import Runner
from core.queries import access
from core.queries.processes import ProcessNow, found, shows
from core.services import runners
from core.web.acting import attempt, person, reason
from core.web.expired import login_needed


@login_needed
def processes(request: HttpRequest) -> HttpResponse:
    access.require_works(request.user)
    now = clock.now()
    told = found(now)
    planned = schedules.planned(now)
    context = {
        "told": told,
        "rows": [(each, _may_run(request, each)) for each in told.processes],
        "schedules": planned,
        "late": [each for each in planned if each.late],
        "skewed": [each for each in told.processes if each.is_skewed],
    }
    return render(request, "deployer/processes.html", context)


def _may_run(request: HttpRequest, process: ProcessNow) -> bool:
    if process.kind != "runner" or process.condition == "gone":
        return False
    try:
        access.require_run(request.user, process.flavour)
    except PermissionDenied:
        return False
    return True


@require_POST
@login_needed
def drain(request: HttpRequest, pk: int) -> HttpResponse:
    row = _runner(request, pk)
    ends = request.POST.get("then") == "end"

    def act() -> Runner:
        why = reason(request)
        if not why:
            raise RefusedError("say why: everybody who waits will read it")
        return runners.drain(row, person(request), reason=why, ends=ends)

    attempt(request, act, f"{row} is being drained: it takes nothing more.")
    return redirect("processes")


@require_POST
@login_needed
def undrain(request: HttpRequest, pk: int) -> HttpResponse:
    row = _runner(request, pk)
    attempt(request, lambda: runners.undrain(row, person(request), reason=reason(request)), f"{row} takes jobs again.")
    return redirect("processes")


def _runner(request: HttpRequest, pk: int) -> Runner:
    row = get_object_or_404(Runner, pk=pk)
    if not shows(row):
        raise Http404
    access.require_run(request.user, str(row.told.get("flavour") or ""))
    return row
