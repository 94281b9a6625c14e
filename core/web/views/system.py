"""The deployer itself: what people did, whether it is alive."""

from __future__ import annotations

from dataclasses import asdict

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from core import configuration
from core.engine import readiness
from core.models import Delivery, Repository
from core.plugins import plugins
from core.queries import activities, addresses, pools
from core.queries.deliveries import shown

_PAGE = 100


def pool_list(request: HttpRequest) -> HttpResponse:
    """Where builds run and wait: our own, and what the builders tell of their machines."""
    return render(request, "deployer/pools.html", {"own": pools.own(), "told": pools.told()})


def activity(request: HttpRequest) -> HttpResponse:
    """What people and the deployer did, newest first, as far as somebody asks for it."""
    names = ("by", "verb", "subject", "since")
    asked = {name: request.GET.get(name, "").replace("\0", " ").strip()[:200] for name in names}
    rows = activities.filtered(**asked)
    page = Paginator(rows, _PAGE).get_page(request.GET.get("page"))
    found = list(page.object_list)
    pages = addresses.of_subjects(row.subject for row in found)
    context = {
        "page": page,
        "rows": [(row, pages.get(row.subject, "")) for row in found],
        "asked": asked,
        "filtered": any(asked.values()),
        "people": activities.people(),
        "verbs": activities.verbs(),
        "subjects": activities.SUBJECTS,
        "times": activities.TIMES,
        "system": activities.SYSTEM,
    }
    return render(request, "deployer/activity.html", context)


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
    """Whether all that is needed is there, check by check; 503 where it is not."""
    found = readiness.checks()
    ready = readiness.ready(found)
    told = {"ready": ready, "checks": [asdict(check) for check in found]}
    return JsonResponse(told, status=200 if ready else 503)
