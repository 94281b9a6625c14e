"""The deployer itself: its plugins, what people did, whether it is alive."""

from __future__ import annotations

from datetime import timedelta

from django.core.paginator import Paginator
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from core import configuration
from core.engine import schedules
from core.models import Activity, Delivery, PluginFact, Repository
from core.plugins import plugins
from core.queries import pools
from core.queries.deliveries import shown
from core.services import runners

_PAGE = 100


def plugin_list(request: HttpRequest) -> HttpResponse:
    told: dict[str, list[PluginFact]] = {}
    for fact in PluginFact.objects.all():
        told.setdefault(fact.plugin, []).append(fact)
    rows = [(plugin, told.get(plugin.name, [])) for plugin in plugins.infos()]
    return render(request, "deployer/plugins.html", {"plugins": rows})


def pool_list(request: HttpRequest) -> HttpResponse:
    """Where builds run and wait: our own, and what the builders tell of their machines."""
    return render(request, "deployer/pools.html", {"own": pools.own(), "told": pools.told()})


def activity(request: HttpRequest) -> HttpResponse:
    page = Paginator(Activity.objects.select_related("user"), _PAGE).get_page(request.GET.get("page"))
    return render(request, "deployer/activity.html", {"page": page})


def deliveries(request: HttpRequest) -> HttpResponse:
    """Webhooks, and what each led to."""
    page = Paginator(Delivery.objects.all(), _PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": shown(list(page.object_list), request.user), "setups": _setups()}
    return render(request, "deployer/deliveries.html", context)


def _setups() -> list[tuple[str, str, str]]:
    """The sources that are used and take webhooks: their kind, the address, and what else is to be set."""
    base = configuration.current().base_url.rstrip("/")
    used = set(Repository.objects.filter(retired_at=None).order_by().values_list("source", flat=True).distinct())
    said = {kind: plugins.source(kind).webhook_setup() for kind in plugins.kinds("sources") if kind in used}
    return [(kind, f"{base}/webhooks/{kind}", text) for kind, text in said.items() if text]


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers and a runner is alive; schedules that have stopped are told, and cost only punctuality."""
    try:
        connection.ensure_connection()
        now = timezone.now()
        alive = runners.alive(now, timedelta(seconds=configuration.current().lease_seconds))
        late = schedules.late(now)
    except Error as error:
        return JsonResponse({"ready": False, "database": str(error)}, status=503)
    facts = {"ready": alive > 0, "database": "ok", "runners": alive, "late_schedules": late}
    return JsonResponse(facts, status=200 if alive else 503)
