"""Diagrams: a flavour's page, and pictures that stand alone at addresses of their own."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString
from django.views.decorators.http import conditional_page

from core import clock
from core.engine import diagrams
from core.models import Flavour, Repository
from core.pipeline.diagram import svg
from core.pipeline.diagram.conditions import Condition, counts
from core.pipeline.diagram.flow import Flow
from core.services import holds

#: Repositories of a flavour that are open unless somebody closed them, where so many move or are broken.
_OPEN = 12


def flavour(request: HttpRequest, name: str) -> HttpResponse:
    """A flavour: how it is run, and its diagram."""
    row = get_object_or_404(Flavour, name=name)
    now = clock.now()
    flows = diagrams.of_flavour(row, now)
    groups = _groups(request, flows)
    context = {
        "flavour": row,
        "threshold": row.threshold_at(now),
        "freeze": holds.in_force(now).freezes.get(row.pk),
        "flows": flows,
        "counts": counts(each.worst for each in flows),
        "opened": sum(each.open for each in groups),
        "diagram": SafeString(svg.flavour(groups, label=_label(row.title or row.name))) if flows else "",
    }
    return render(request, "deployer/flavour.html", context)


@conditional_page
def flavour_svg(request: HttpRequest, name: str) -> HttpResponse:
    """A flavour's diagram alone."""
    row = get_object_or_404(Flavour, name=name)
    groups = _groups(request, diagrams.of_flavour(row, clock.now()))
    return _picture(svg.flavour(groups, label=_label(row.title or row.name), stylesheet=_stylesheet()))


@conditional_page
def repository_svg(request: HttpRequest, pk: int) -> HttpResponse:
    """A repository's diagram alone."""
    row = get_object_or_404(Repository.objects.select_related("flavour"), pk=pk)
    flow = diagrams.of_repository(row, clock.now())
    return _picture(svg.repository(flow, label=_label(row.name), stylesheet=_stylesheet()))


def of_repository(row: Repository) -> SafeString:
    """A repository's diagram within a page; empty where there is nothing to show."""
    flow = diagrams.of_repository(row, clock.now())
    return SafeString(svg.repository(flow, label=_label(row.name)) if flow.boxes else "")


def _label(of: str) -> str:
    return f"Pipeline of {of}"


def _stylesheet() -> str:
    return static("deployer/diagram.css")


def _picture(text: str) -> HttpResponse:
    answer = HttpResponse(text, content_type="image/svg+xml; charset=utf-8")
    # Whoever asks again is told whether it is still the same one, by its ETag.
    patch_cache_control(answer, private=True, no_cache=True)
    return answer


def _groups(request: HttpRequest, flows: Sequence[Flow]) -> list[svg.Group]:
    """What is open: what moves or is broken, the worst first where there is much of it, unless the address says else."""
    asked = {verb: request.GET.get(verb, "").split(",") for verb in ("open", "closed")}
    every = {str(each.repository) for each in flows}
    calling = sorted((each for each in flows if each.calls_for_attention), key=_urgency)
    usual = {str(each.repository) for each in calling[:_OPEN]}
    if "all" in asked["open"]:
        usual = every
    elif "all" in asked["closed"]:
        usual = set()
    opened = (usual | set(asked["open"])) - set(asked["closed"])
    return [
        svg.Group(each, key in opened, _toggle(asked, key, is_open=key in opened))
        for each in flows
        for key in (str(each.repository),)
    ]


def _urgency(flow: Flow) -> tuple[int, str]:
    return list(Condition).index(flow.worst), flow.name


def _toggle(asked: dict[str, list[str]], key: str, *, is_open: bool) -> str:
    """The address of the page with one repository opened or closed, and the others as they are."""
    known = {verb: [each for each in keys if each and each != key] for verb, keys in asked.items()}
    known["closed" if is_open else "open"].append(key)
    return "?" + urlencode({verb: ",".join(keys) for verb, keys in known.items() if keys}, safe=",")
