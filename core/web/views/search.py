"""Finding things by words. What is called so is there at once; what is in logs takes up to a second, and is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.limits import costly
from core.queries import search as queries

#: What each kind of thing is called where there are several.
_PLURALS = {
    "service": "Services",
    "repository": "Repositories",
    "ref": "Branches and pull requests",
    "commit": "Commits",
    "release": "Releases",
    "deployment": "Deployments",
    "build": "Builds",
    "job": "Jobs",
    "person": "People",
}


def search(request: HttpRequest) -> HttpResponse:
    """What has the words, by kind; with `logs` or `before` also the lines of logs that have them."""
    words = queries.cleaned(request.GET.get("q", ""))
    in_logs = bool(words) and ("logs" in request.GET or "before" in request.GET)
    before = request.GET.get("before", "")
    older = int(before) if before.isascii() and before.isdigit() and len(before) < 16 else None
    seconds = costly(request.user.get_username(), request.META.get("REMOTE_ADDR", "")) if in_logs else 0
    context = {
        "words": words,
        "groups": _grouped(queries.search(words)) if older is None else [],
        "logs": queries.in_logs(words, older) if in_logs and not seconds else None,
        "wait": seconds,
        "older": older,
        "most": queries.MOST,
    }
    answer = render(request, "deployer/search.html", context, status=429 if seconds else 200)
    if seconds:
        answer["Retry-After"] = str(seconds)
    return answer


def _grouped(hits: Iterable[queries.Hit]) -> list[tuple[str, list[queries.Hit]]]:
    return [(_PLURALS[kind], list(found)) for kind, found in groupby(hits, key=lambda hit: hit.kind)]
