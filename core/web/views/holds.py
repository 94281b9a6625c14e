"""Locking and pausing a service and freezing a flavour: each a POST, recorded, and lifted the same way."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core import clock
from core.models import Flavour, Hold, Service
from core.queries.access import require
from core.services import holds
from core.states import HoldKind, Role
from core.web.acting import attempt, person, reason
from core.web.expired import login_needed

#: How long a hold may last, as the form offers it: hours and words. Without one it lasts until somebody lifts it.
LENGTHS = ((1, "1 hour"), (4, "4 hours"), (24, "1 day"), (24 * 7, "1 week"))


@require_POST
@login_needed
def lock(request: HttpRequest, pk: int) -> HttpResponse:
    service = _service(request, pk)
    done = f"{service} is locked: nothing moves it until that is lifted."
    attempt(request, lambda: holds.lock(service, person(request), reason=reason(request), until=until(request)), done)
    return redirect("service", pk=pk)


@require_POST
@login_needed
def unlock(request: HttpRequest, pk: int) -> HttpResponse:
    service = _service(request, pk)
    hold = get_object_or_404(Hold, service=service, kind=HoldKind.LOCK, lifted_at=None)
    attempt(request, lambda: holds.lift(hold, person(request), reason=reason(request)), f"{service} is locked no more.")
    return redirect("service", pk=pk)


@require_POST
@login_needed
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    service = _service(request, pk)
    done = f"{service} is paused: it follows {service.target.branch} no further until that is lifted."
    attempt(request, lambda: holds.pause(service, person(request), reason=reason(request), until=until(request)), done)
    return redirect("service", pk=pk)


@require_POST
@login_needed
def unpause(request: HttpRequest, pk: int) -> HttpResponse:
    service = _service(request, pk)
    hold = get_object_or_404(Hold, service=service, kind=HoldKind.PAUSE, lifted_at=None)
    done = f"{service} follows {service.target.branch} again."
    attempt(request, lambda: holds.lift(hold, person(request), reason=reason(request)), done)
    return redirect("service", pk=pk)


@require_POST
@login_needed
def freeze(request: HttpRequest, name: str) -> HttpResponse:
    flavour = _flavour(request, name)
    done = f"{flavour} is frozen: nothing of it is deployed until that is lifted, but for rollbacks."
    attempt(request, lambda: holds.freeze(flavour, person(request), reason=reason(request), until=until(request)), done)
    return redirect("settings")


@require_POST
@login_needed
def unfreeze(request: HttpRequest, name: str) -> HttpResponse:
    flavour = _flavour(request, name)
    hold = get_object_or_404(Hold, flavour=flavour, service=None, lifted_at=None)
    attempt(request, lambda: holds.lift(hold, person(request), reason=reason(request)), f"{flavour} goes on.")
    return redirect("settings")


def _service(request: HttpRequest, pk: int) -> Service:
    service = get_object_or_404(Service.objects.select_related("target__recipe__repository__flavour"), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    return service


def _flavour(request: HttpRequest, name: str) -> Flavour:
    flavour = get_object_or_404(Flavour, name=name)
    require(request.user, flavour, Role.BUILDER)
    return flavour


def until(request: HttpRequest) -> datetime | None:
    """When it is to end, as the form says; None where it does not end by itself."""
    offered = {str(hours) for hours, _ in LENGTHS}
    hours = request.POST.get("hours", "")
    return clock.now() + timedelta(hours=int(hours)) if hours in offered else None
