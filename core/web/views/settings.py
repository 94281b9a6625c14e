"""How the deployer is set: each flavour's threshold and freeze, the schedules, its processes, the rules for logs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from core import clock, configuration
from core.engine import schedules
from core.errors import ConfigurationError, RefusedError
from core.models import Flavour, Hold, LogRule, PluginFact
from core.plugins import plugins
from core.queries import housekeeping, installation
from core.queries.access import is_admin_everywhere, require, require_everywhere, role_of
from core.services import exceptions, flavours, holds, runners, tidyings
from core.states import Level, Role
from core.versions import VERSION
from core.web.acting import attempt, person, reason
from core.web.views.holds import LENGTHS, until


@dataclass(frozen=True, slots=True)
class _FlavourRow:
    flavour: Flavour
    threshold: Level | None
    freeze: Hold | None
    role: Role

    @property
    def may_act(self) -> bool:
        return self.role >= Role.BUILDER

    @property
    def may_set(self) -> bool:
        return self.role >= Role.ADMIN and not self.flavour.harmless


def settings(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    held = holds.in_force(now)
    infos = plugins.infos()
    planned = schedules.planned(now)
    context = {
        "flavours": _flavours(request, now, held),
        "levels": [level.word for level in Level],
        "locks": [*held.locks.values(), *held.pauses.values()],
        "exceptions": exceptions.that_matter(now),
        "lengths": LENGTHS,
        "schedules": planned,
        "late": [each for each in planned if each.late],
        "runners": runners.counted(now, timedelta(seconds=configuration.current().lease_seconds)),
        "queue": installation.queue(),
        "rules": LogRule.objects.filter(enabled=True).count(),
        "plugins": [info for info in infos if not info.disabled],
        "broken": [info for info in infos if info.error],
        "facts": PluginFact.objects.all(),
        "housekeeping": housekeeping.found(),
        "may_set": [row.pk for row in Flavour.objects.all() if role_of(request.user, row) >= Role.ADMIN],
        "may_tidy": is_admin_everywhere(request.user),
        "version": VERSION,
        "configuration": installation.settings() if is_admin_everywhere(request.user) else None,
    }
    return render(request, "deployer/settings.html", context)


def _flavours(request: HttpRequest, now: datetime, held: holds.Holds) -> list[_FlavourRow]:
    rows = Flavour.objects.filter(retired_at=None)
    return [
        _FlavourRow(row, row.threshold_at(now), held.freezes.get(row.pk), role_of(request.user, row)) for row in rows
    ]


@require_POST
@login_required
def threshold(request: HttpRequest, name: str) -> HttpResponse:
    """Set from which level on a flavour's operations wait for approval."""
    flavour = get_object_or_404(Flavour, name=name)
    require(request.user, flavour, Role.ADMIN)

    def act() -> Flavour:
        why = reason(request)
        if not why:
            raise RefusedError("say why: everybody who waits will read it")
        try:
            level = flavours.read_threshold(request.POST.get("level", ""))
        except ConfigurationError as error:
            raise RefusedError(str(error)) from None
        return flavours.set_threshold(flavour, level, person(request), reason=why, lifts_at=until(request))

    attempt(request, act, f"The threshold of {flavour} is set.")
    return redirect("settings")


@require_POST
@login_required
def retention(request: HttpRequest, name: str) -> HttpResponse:
    """Set how long a flavour keeps what is over."""
    flavour = get_object_or_404(Flavour, name=name)
    require(request.user, flavour, Role.ADMIN)

    def act() -> Flavour:
        why = reason(request)
        if not why:
            raise RefusedError("say why: it is kept with who changed it")
        kept = {each: _number(request, each) for each in ("logs", "builds", "refs", "releases")}
        return flavours.keep(flavour, kept, person(request), reason=why)

    attempt(request, act, f"How long {flavour} keeps what is over is set.")
    return redirect("settings")


def _number(request: HttpRequest, name: str) -> int | None:
    """A number as it was typed; None where nothing was.

    :raises RefusedError: it is none.
    """
    word = request.POST.get(name, "").strip()
    if not word:
        return None
    if not (word.isascii() and word.isdigit() and len(word) < 9):
        raise RefusedError(f"{name}: {word[:20]!r} is no number")
    return int(word)


@require_POST
@login_required
def tidy(request: HttpRequest) -> HttpResponse:
    """Have a runner remove now what nobody needs any more."""
    require_everywhere(request.user)
    tidyings.ask(clock.now(), person(request))
    messages.success(request, "A runner tidies up. This page says what it removed.")
    return redirect("settings")
