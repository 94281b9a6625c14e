"""How the deployer is set: each flavour's threshold and freeze, the schedules, the runners, the rules for logs."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core import configuration
from core.engine import schedules
from core.models import Flavour, LogRule, PluginFact, Runner
from core.plugins import plugins
from core.queries.access import role_of
from core.services import holds
from core.states import Role
from core.web.views.holds import LENGTHS


def settings(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    flavours = Flavour.objects.filter(retired_at=None)
    held = holds.in_force(now)
    lease = timedelta(seconds=configuration.current().lease_seconds)
    infos = plugins.infos()
    context = {
        "flavours": [
            (row, row.threshold_at(now), held.freezes.get(row.pk), role_of(request.user, row) >= Role.BUILDER)
            for row in flavours
        ],
        "locks": list(held.locks.values()),
        "lengths": LENGTHS,
        "schedules": schedules.planned(now),
        "runners": [(row, row.heartbeat_at >= now - lease) for row in Runner.objects.all()],
        "rules": LogRule.objects.filter(enabled=True).count(),
        "plugins": [info for info in infos if not info.disabled],
        "broken": [info for info in infos if info.error],
        "facts": PluginFact.objects.all(),
    }
    return render(request, "deployer/settings.html", context)
