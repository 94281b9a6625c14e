"""Services: all of them, and one with what it runs, what it ran, and what it could go back to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from core import clock
from core.engine import uri_checks
from core.engine.health import check_of
from core.errors import DeployerError
from core.models import Job, Release, Rollback, Service
from core.pipeline.inventory import public_url
from core.pipeline.retention import OFFERED_RELEASES
from core.plugins import plugins
from core.queries import deployments, gates, waiting
from core.queries.access import role_of
from core.queries.inventory import kept
from core.queries.orders import orders
from core.services import drift, holds, standing, unhealthy
from core.services.places import service_place
from core.states import HoldKind, Role
from core.web.views.gates import shown
from core.web.views.holds import LENGTHS

#: Deployments shown.
_SHOWN = 30


def services(request: HttpRequest) -> HttpResponse:
    """All services, under the flavours and repositories that they come from."""
    return render(request, "deployer/services.html", {"flavours": kept()})


def service(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about a service, and what can be done with it."""
    related = ("target__recipe__repository__flavour", "current__commit")
    row = get_object_or_404(Service.objects.select_related(*related), pk=pk)
    active = Job.objects.active().filter(deployment_of__service=row).select_related("flavour").first()
    now = clock.now()
    held, decision = holds.in_force(now).all_of(row), drift.decision(row, now)
    before = shown(request, active, now) if active else None
    reason = waiting.reasons([active], now)[active.pk] if active else ""
    context = {
        "service": row,
        "open_at": public_url(row.uri),
        "repository": row.target.recipe.repository,
        "active": active,
        "active_reason": before.without(reason) if before else "",
        "gates": before,
        "stand_before": gates.before(row),
        "exceptions": gates.exceptions_of(row, now),
        "pasts": deployments.pasts(deployments.rows().filter(service=row)[:_SHOWN]),
        "releases": Release.objects.filter(target=row.target)
        .filter(image_removed_at=None)
        .exclude(digest="")
        .select_related("commit")[:OFFERED_RELEASES],
        "rollback": Rollback.objects.filter(service=row, lifted_at=None)
        .select_related("release__commit", "asked_by")
        .first(),
        "head": row.target.recipe.repository.refs.filter(name=f"refs/heads/{row.target.branch}", gone_at=None).first(),
        "order": orders([row]).get(row.pk),
        "facts": _facts(row),
        "held": held,
        "drift": decision,
        "standing": standing.of(row) if decision else "",
        "marks": unhealthy.marks().filter(service=row).select_related("release__commit"),
        "check": uri_checks.words(check_of(row), row.uri),
        "locked": any(hold.kind == HoldKind.LOCK for hold in held),
        "paused": any(hold.kind == HoldKind.PAUSE for hold in held),
        "lengths": LENGTHS,
        "may_act": role_of(request.user, row.target.recipe.repository.flavour) >= Role.BUILDER,
    }
    return render(request, "deployer/service.html", context)


def _facts(row: Service) -> list[tuple[str, str]]:
    try:
        return plugins.describe_service(service_place(row))
    except DeployerError as error:
        return [("its declaration", str(error))]
