"""The pages of the guided flow: one a step, and the last one, which saves."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse

from core.admin.generic import person
from core.admin.guided import preview
from core.admin.guided.draft import KINDS, NAMES, Draft, Step
from core.admin.guided.findings import Finding, Findings
from core.errors import RefusedError
from core.models import Flavour, Service
from core.services import admin_edits

_PERMISSIONS = [f"core.add_{name}" for name in NAMES]
_LAST = "plan"
#: Under this the session keeps which service was saved last: a form that is sent twice leads to its page.
_SAVED = "guided-saved"


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Where the pages are, below the screen of services."""
    base = "add-a-service/"
    return [
        path(base, site.admin_view(begin), name="core_guided"),
        path(f"{base}plan/", site.admin_view(plan), name="core_guided_plan"),
        path(f"{base}<slug:name>/", site.admin_view(step), name="core_guided_step"),
        path(f"{base}<slug:name>/findings/", site.admin_view(findings), name="core_guided_findings"),
    ]


def begin(request: HttpRequest) -> HttpResponse:
    """Begin, or go on where one left off; with `?repository=1` begin anew for that one."""
    _require(request)
    draft = Draft(request.session)
    given = {name: request.GET[name] for name in NAMES[:-1] if request.GET.get(name, "").isdigit()}
    if given:
        draft.begin(given)
    return _to(_open(draft))


def step(request: HttpRequest, name: str) -> HttpResponse:
    """One step: what is typed is kept whatever button is pressed."""
    _require(request)
    draft = Draft(request.session)
    if name not in NAMES or name not in draft.steps:
        return _to(_open(draft))
    if request.method != "POST":
        return _page(request, draft, name, tried=False)
    if request.POST.get("go") == "new":
        draft.begin({})
        return _to(NAMES[0])
    draft.keep(name, request.POST)
    match request.POST.get("go"):
        case "back":
            return _to(NAMES[max(NAMES.index(name) - 1, 0)])
        case "check":
            return _to(name)
        case _ if draft.steps[name].row is not None:
            return _to((*NAMES, _LAST)[NAMES.index(name) + 1])
        case _:
            return _page(request, draft, name, tried=True)


def findings(request: HttpRequest, name: str) -> HttpResponse:
    """What is found about a step, as a piece of its page; a POST keeps first what was typed."""
    _require(request)
    draft = Draft(request.session)
    if name in draft.steps and request.method == "POST":
        draft.keep(name, request.POST)
    found = Findings(draft, person(request)).of(name)
    return render(request, "admin/guided/findings.html", {"findings": found, "waits": _waits(found)})


def plan(request: HttpRequest) -> HttpResponse:
    """What would be done, and saving it."""
    _require(request)
    draft = Draft(request.session)
    if not draft.is_complete:
        saved = Service.objects.filter(pk=request.session.get(_SAVED, 0), retired_at=None).first()
        if request.method == "POST" and draft.is_empty and saved:
            return HttpResponseRedirect(reverse("service", args=[saved.pk]))
        messages.info(request, "Something is missing here: fill it in first.")
        return _to(_open(draft))
    asked = Findings(draft, person(request))
    found = asked.all()
    troubles = [each for of_step in found.values() for each in of_step if each.mark in ("bad", "wait")]
    if request.method == "POST":
        if request.POST.get("go") == "back":
            return _to(NAMES[-1])
        if not troubles or request.POST.get("confirmed"):
            return _save(request, draft)
        messages.warning(request, "Not everything could be verified. Read what is said below, and confirm it.")
    seen = asked.heads()
    steps, trouble = None, ""
    try:
        steps = preview.steps(request.session, person(request), seen) if seen else None
    except RefusedError as error:
        trouble = f"It cannot be saved as it is: {error}"
    context = {
        "found": found,
        "troubles": troubles,
        "waits": _waits(troubles),
        "steps": steps,
        "trouble": trouble,
        "snippet": preview.text(draft.rows),
        "rows": [(each.kind, each.row, each.chosen is not None) for each in draft.steps.values()],
    }
    return render(request, "admin/guided/plan.html", {**_context(request, draft, _LAST), **context})


def _save(request: HttpRequest, draft: Draft) -> HttpResponse:
    rows = draft.rows
    try:
        admin_edits.add_all(rows, person(request))
    except RefusedError as error:
        messages.error(request, f"Nothing was saved: {error}. What you typed is still here.")
        return _to(_open(Draft(request.session)))
    draft.begin({})
    request.session[_SAVED] = rows[-1].pk
    messages.success(request, f"{rows[-1]} is declared. What follows from that happens now, and is shown here.")
    return HttpResponseRedirect(reverse("service", args=[rows[-1].pk]))


def _page(request: HttpRequest, draft: Draft, name: str, *, tried: bool) -> HttpResponse:
    current = draft.steps[name]
    found = Findings(draft, person(request)).of(name)
    context = {
        "step": current,
        "tried": tried,
        "fields": _fields(current, current.kind.usual, found, tried),
        "more": _fields(current, current.kind.more, found, tried),
        "loose": [each for each in found if current.form is None or each.slot not in current.form.fields],
        "waits": _waits(found),
        "flavours": Flavour.objects.filter(retired_at=None).exists(),
        "media": current.form.media if current.form else "",
    }
    return render(request, "admin/guided/step.html", {**_context(request, draft, name), **context})


def _fields(current: Step, names: tuple[str, ...], found: list[Finding], tried: bool) -> list[dict[str, Any]]:
    if current.form is None:
        return []
    rows: list[dict[str, Any]] = []
    for name in names:
        bound = current.form[name]
        faults = bound.errors if tried else []
        rows.append({"field": bound, "faults": faults, "findings": [each for each in found if each.slot == name]})
    return rows


def _context(request: HttpRequest, draft: Draft, name: str) -> dict[str, Any]:
    trail = [(kind.name, kind.name in draft.steps, kind.name == name) for kind in KINDS]
    done = {each: step.row is not None for each, step in draft.steps.items()}
    return {
        **admin.site.each_context(request),
        "title": "Add a service",
        "trail": [(each, reach, here, done.get(each, False)) for each, reach, here in trail],
        "complete": draft.is_complete,
        "at_plan": name == _LAST,
        "number": (*NAMES, _LAST).index(name) + 1,
    }


def _waits(found: list[Finding]) -> bool:
    return any(each.mark == "wait" for each in found)


def _open(draft: Draft) -> str:
    """The step that is to be filled in next."""
    return next((name for name, each in draft.steps.items() if each.row is None), _LAST)


def _to(name: str) -> HttpResponse:
    if name == _LAST:
        return HttpResponseRedirect(reverse("admin:core_guided_plan"))
    return HttpResponseRedirect(reverse("admin:core_guided_step", args=[name]))


def _require(request: HttpRequest) -> None:
    if not person(request).has_perms(_PERMISSIONS):
        raise PermissionDenied(
            "Adding a service needs the role admin in every flavour: ask one of their admins to name you among them."
        )
