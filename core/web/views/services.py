"""Services: all of them, and one with what it runs, what it ran, and what it could go back to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from core.errors import DeployerError
from core.models import Deployment, Job, Release, Rollback, Service
from core.plugins import plugins
from core.queries import waiting
from core.queries.access import role_of
from core.queries.inventory import kept
from core.queries.orders import orders
from core.services import holds
from core.services.places import service_place
from core.states import Role
from core.web.views.holds import LENGTHS

#: Deployments and releases shown.
_SHOWN = 30


def services(request: HttpRequest) -> HttpResponse:
    """All services, under the flavours and repositories that they come from."""
    return render(request, "deployer/services.html", {"flavours": kept()})


def service(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about a service, and what can be done with it."""
    related = ("target__recipe__repository__flavour", "current__commit")
    row = get_object_or_404(Service.objects.select_related(*related), pk=pk)
    active = Job.objects.active().filter(deployment_of__service=row).select_related("flavour").first()
    context = {
        "service": row,
        "repository": row.target.recipe.repository,
        "active": active,
        "active_reason": waiting.reasons([active], timezone.now())[active.pk] if active else "",
        "deployments": Deployment.objects.filter(service=row).select_related("release__commit", "job")[:_SHOWN],
        "releases": Release.objects.filter(target=row.target).exclude(digest="").select_related("commit")[:_SHOWN],
        "rollback": Rollback.objects.filter(service=row, lifted_at=None)
        .select_related("release__commit", "asked_by")
        .first(),
        "head": row.target.recipe.repository.refs.filter(name=f"refs/heads/{row.target.branch}", gone_at=None).first(),
        "order": orders([row]).get(row.pk),
        "facts": _facts(row),
        "hold": holds.in_force(timezone.now()).of(row),
        "lengths": LENGTHS,
        "may_act": role_of(request.user, row.target.recipe.repository.flavour) >= Role.BUILDER,
    }
    return render(request, "deployer/service.html", context)


def _facts(row: Service) -> list[tuple[str, str]]:
    try:
        return plugins.describe_service(service_place(row))
    except DeployerError as error:
        return [("its declaration", str(error))]
