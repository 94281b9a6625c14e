"""The history of deployments, and what changed between two releases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from core.models import Flavour, Release, Service, Target
from core.queries import changes, deployments
from core.queries.deployments import Wanted
from core.states import JobState
from core.web.links import compare_url

_PAGE = 30
#: Releases that are offered for a comparison, the newest.
_OFFERED = 50


def all_deployments(request: HttpRequest) -> HttpResponse:
    """Of all services, the newest first, by flavour, service, outcome, person and time."""
    chosen = {
        name: request.GET.get(name, "").replace("\0", "")[:200]
        for name in ("flavour", "service", "outcome", "person", "from", "to")
    }
    until = _day(chosen["to"])
    wanted = Wanted(
        flavour=chosen["flavour"],
        service=int(chosen["service"]) if chosen["service"].isascii() and chosen["service"].isdigit() else None,
        outcome=chosen["outcome"],
        person=chosen["person"],
        since=_day(chosen["from"]),
        until=until + timedelta(days=1) if until else None,
    )
    page = Paginator(wanted.of(deployments.rows()), _PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "pasts": deployments.pasts(page.object_list),
        "chosen": chosen,
        "outcomes": list(JobState),
        "flavours": Flavour.objects.filter(retired_at=None),
        "services": Service.objects.filter(retired_at=None),
    }
    return render(request, "deployer/deployments.html", context)


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """What changed between two releases of a target: the two that are chosen, or the newest and the one before it."""
    target = get_object_or_404(Target.objects.select_related("recipe__repository"), pk=pk)
    releases = list(target.releases.exclude(digest="").select_related("commit")[:_OFFERED])
    end = _chosen(target, request.GET.get("to", ""), releases[0] if releases else None)
    start = _chosen(target, request.GET.get("from", ""), releases[1] if len(releases) > 1 else end)
    repository = target.recipe.repository
    context = {
        "target": target,
        "start": start,
        "end": end,
        "releases": list({each.pk: each for each in (*releases, start, end)}.values()),
        "picked": (("from", start), ("to", end)),
        "comparison": changes.compare(start, end),
        "url": compare_url(repository, start.commit.hash, end.commit.hash),
        "sides": [(each, each.deployments.select_related("service", "job")[:20]) for each in (start, end)],
    }
    return render(request, "deployer/compare.html", context)


def _chosen(target: Target, key: str, otherwise: Release | None) -> Release:
    if not key and otherwise is not None:
        return otherwise
    if not (key.isascii() and key.isdigit() and len(key) < 16):
        raise Http404
    return get_object_or_404(Release.objects.select_related("commit"), pk=int(key), target=target)
