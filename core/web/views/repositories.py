"""One repository: its refs, what became of them, its services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from core import clock
from core.models import Build, Ref, Repository, Service
from core.queries.access import role_of
from core.queries.orders import orders
from core.states import Role
from core.web.links import commit_url
from core.web.views import diagrams

#: Refs on one page.
_PAGE = 50


def repository(request: HttpRequest, pk: int) -> HttpResponse:
    """Its refs, a page at a time, those that moved last first."""
    row = get_object_or_404(Repository.objects.select_related("flavour"), pk=pk)
    wanted = request.GET.get("q", "").strip()
    refs = row.refs.filter(gone_at=None).select_related("commit").order_by("-moved_at", "name")
    if wanted:
        refs = refs.filter(name__icontains=wanted)
    page = Paginator(refs, _PAGE).get_page(request.GET.get("page"))
    services = Service.objects.filter(target__recipe__repository=row, retired_at=None)
    services = services.select_related("target__recipe", "current__commit").order_by("target", *Service.IN_ORDER)
    order = orders(services)
    context = {
        "repository": row,
        "wanted": wanted,
        "diagram": "" if row.retired_at else diagrams.of_repository(row),
        "polled_slowly": row.poll_after is not None and row.poll_after > clock.now(),
        "page": page,
        "refs": _with_builds(row, page.object_list),
        "services": [(service, order[service.pk].words) for service in services],
        "may_act": role_of(request.user, row.flavour) >= Role.BUILDER,
    }
    return render(request, "deployer/repository.html", context)


def _with_builds(repository: Repository, refs: Iterable[Ref]) -> list[tuple[Ref, str, list[Build]]]:
    """Each ref with its commit's page and builds: the newest of each recipe, platform and purpose."""
    rows = list(refs)
    newest: dict[int, dict[tuple[object, ...], Build]] = defaultdict(dict)
    builds = Build.objects.filter(commit__in=[ref.commit_id for ref in rows]).select_related("recipe", "job")
    for build in builds.order_by("pk"):
        newest[build.commit_id][build.recipe_id, build.platform, build.purpose] = build
    return [(ref, commit_url(repository, ref.commit.hash), list(newest[ref.commit_id].values())) for ref in rows]
