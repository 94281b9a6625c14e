"""Pages that plugins add: the addresses of a plugin's module `urls`, below `/plugins/<plugin>/`."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from importlib.util import find_spec

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, URLResolver, include, path, reverse

from core.plugins import plugins

#: Where what plugins add is found: pages and operations.
_BELOW = re.compile(r"/(?:api/)?plugins/([^/]+)/")
logger = logging.getLogger(__name__)


def patterns() -> list[URLResolver]:
    """The addresses of all plugins. One whose module cannot be imported has none, and the rest goes on."""
    found = []
    for name, package in plugins.modules.items():
        module = f"{package}.urls"
        if find_spec(module) is None:
            continue
        try:
            resolver = path(f"{name}/", include((module, name)))
            # Django reads them when it is first asked, which would be the first page of all.
            _ = resolver.url_patterns
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the other pages go on
            plugins.fails(name, "its pages are left out", error)
        else:
            found.append(resolver)
    return found


def navigation() -> list[tuple[str, str]]:
    """Title and address of each page that a plugin adds to the navigation."""
    found = []
    for name, page in plugins.pages():
        try:
            found.append((page.title, reverse(f"{name}:{page.name}")))
        except NoReverseMatch:
            logger.debug("plugin %s has no page %r", name, page.name)
    return found


class SwitchedOff:
    """Middleware: nothing of a plugin that was disabled answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = _BELOW.match(request.path_info)
        reason = plugins.switched_off.get(found[1], "") if found and plugins.switched_off else ""
        if not found or not reason or request.path_info.rstrip("/").endswith(("/enable", "/disable")):
            return self._get_response(request)
        if request.path_info.startswith("/api/"):
            told = {"type": "about:blank", "title": "Service Unavailable", "status": 503, "detail": f"{reason}."}
            return JsonResponse(told, status=503, content_type="application/problem+json")
        return render(request, "deployer/switched_off.html", {"reason": reason, "plugin": found[1]}, status=503)
