"""Locking a service and freezing a flavour: each a POST, recorded, and lifted the same way."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.models import Flavour, Hold, Service
from core.queries.access import require
from core.services import holds
from core.states import Role
from core.web.acting import attempt, person, reason

#: How long a hold may last, as the form offers it: hours and words. Without one it lasts until somebody lifts it.
LENGTHS = ((1, "1 hour"), (4, "4 hours"), (24, "1 day"), (24 * 7, "1 week"))


@require_POST
@login_required
def lock(request: HttpRequest, pk: int) -> HttpResponse:
    service = _service(request, pk)
    done = f"{service} is locked: nothing moves it until that is lifted."
    attempt(request, lambda: holds.lock(service, person(request), reason=reason(request), until=_until(request)), done)
    return redirect("service", pk=pk)


@require_POST
@login_required
def unlock(request: HttpRequest, pk: int) -> HttpResponse:
    service = _service(request, pk)
    hold = get_object_or_404(Hold, service=service, lifted_at=None)
    attempt(request, lambda: holds.lift(hold, person(request), reason=reason(request)), f"{service} is locked no more.")
    return redirect("service", pk=pk)


@require_POST
@login_required
def freeze(request: HttpRequest, name: str) -> HttpResponse:
    flavour = _flavour(request, name)
    done = f"{flavour} is frozen: nothing of it is deployed until that is lifted, but for rollbacks."
    attempt(
        request, lambda: holds.freeze(flavour, person(request), reason=reason(request), until=_until(request)), done
    )
    return redirect("settings")


@require_POST
@login_required
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


def _until(request: HttpRequest) -> datetime | None:
    offered = {str(hours) for hours, _ in LENGTHS}
    hours = request.POST.get("hours", "")
    return timezone.now() + timedelta(hours=int(hours)) if hours in offered else None
