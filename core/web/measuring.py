"""Around every request: its number, what messages say of it meanwhile, how long it took, and a line for it."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core import journal
from core.metrics import REQUESTS

logger = logging.getLogger(journal.ACCESS)

#: A number that a proxy gave to the request, if it is one that can stand in any log.
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Measuring:
    """Around all but static files. What is streamed is measured until its beginning."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-Id", "")
        number = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        began = time.monotonic()
        with journal.about(request=number):
            answer = self._get_response(request)
            self._tell(request, answer, time.monotonic() - began)
        answer["X-Request-Id"] = number
        return answer

    def _tell(self, request: HttpRequest, answer: HttpResponseBase, seconds: float) -> None:
        route, method = _route(request), request.method if request.method in _METHODS else "other"
        REQUESTS.measure(seconds, route=route, method=method, status=f"{answer.status_code // 100}xx")
        if not logger.isEnabledFor(logging.INFO):
            return
        user = getattr(request, "user", None)
        fields = {
            "route": route,
            "method": method,
            "path": request.path,
            "status": answer.status_code,
            "seconds": round(seconds, 4),
            "user": user.get_username() if user is not None else "",
        }
        logger.info("%s %s: %s", method, request.path, answer.status_code, extra={"fields": fields})


def _route(request: HttpRequest) -> str:
    """A route's pattern, which there are as many of as are declared; `none` where nothing is."""
    match = request.resolver_match
    return match.route or "/" if match else "none"
