"""Plugins: what each offers and did wrong; disabling and enabling them."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from core.errors import ConfigurationError
from core.models import PluginSwitch
from core.queries import access
from core.queries import plugins as found
from core.services import plugin_switches
from core.web.acting import attempt, person, reason
from core.web.expired import login_needed


def plugin_list(request: HttpRequest) -> HttpResponse:
    context = {"plugins": found.all_plugins(), "may_act": access.is_admin_everywhere(request.user)}
    return render(request, "deployer/plugins.html", context)


@require_POST
@login_needed
def disable(request: HttpRequest, name: str) -> HttpResponse:
    """Have nothing of a plugin used any more."""
    return _switch(request, name, plugin_switches.disable, "disabled")


@require_POST
@login_needed
def enable(request: HttpRequest, name: str) -> HttpResponse:
    """Use a plugin again."""
    return _switch(request, name, plugin_switches.enable, "enabled")


def _switch(request: HttpRequest, name: str, switch: Callable[..., PluginSwitch], done: str) -> HttpResponse:
    access.require_everywhere(request.user)
    try:
        attempt(request, lambda: switch(name, person(request), reason=reason(request)), f"Plugin {name} is {done}.")
    except ConfigurationError as error:
        raise Http404(str(error)) from None
    return redirect("plugins")
