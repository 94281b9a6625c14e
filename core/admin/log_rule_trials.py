"""Trying a log rule as it is typed, on a text and on the logs of jobs that failed lately. Nothing is saved."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST

from core import clock
from core.admin.generic import ModelAdmin
from core.logs import places
from core.logs.diagnosis import try_out
from core.logs.rule_faults import faults
from core.logs.rules import Rule
from core.queries import failures
from core.values import LogRule

#: Matches that are shown.
_SHOWN = 50


def page(screen: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """A page of what a rule finds; the form shows its part `#tried` below itself."""
    if not (screen.has_change_permission(request) or screen.has_add_permission(request)):
        raise PermissionDenied
    return _answer(request, screen)


@require_POST
def _answer(request: HttpRequest, screen: ModelAdmin) -> HttpResponse:
    rule = _typed(request)
    context: dict[str, Any] = {**screen.admin_site.each_context(request), "title": "Try a log rule", "rule": rule}
    context["faults"] = [(field, fault) for field, fault in faults(rule) if field != "example"]
    if not context["faults"]:
        context.update(_tried(Rule(rule), request))
    return TemplateResponse(request, "admin/core/logrule/tried.html", context)


def _typed(request: HttpRequest) -> LogRule:
    score = request.POST.get("score", "")
    return LogRule(
        name=request.POST.get("name") or "this rule",
        pattern=request.POST.get("pattern", ""),
        report=request.POST.get("report", ""),
        score=int(score) if score.isascii() and score.isdigit() else 50,
    )


def _tried(rule: Rule, request: HttpRequest) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if text := request.POST.get("try_text", ""):
        context["text"] = True
        context["trial"] = try_out(rule, text.encode(errors="replace"))
    if request.user.has_perm("core.view_job") or request.user.has_perm("core.change_job"):
        jobs = failures.lately(clock.now())
        trials = failures.try_on(rule, jobs, places.store())
        context.update(trials=trials, shown=trials.found[:_SHOWN])
    return context
