"""What a browser is told not to do with our pages, whatever text is on them: a content security policy (CSP, level 3).

Nothing is loaded from elsewhere and nothing inline is run, so a log line or a branch name that came to be taken for
markup would still do nothing.
"""

from __future__ import annotations

import re
from typing import TypeGuard

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from core import configuration

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action {forms}"
)
_EVERYWHERE = _POLICY.format(forms="'self'")
#: The form of a login elsewhere is answered by sending the browser there, which counts as its target.
_LOGIN = _POLICY.format(forms="'self' https: http:")


#: What no page of ours asks a browser for.
_NOTHING = ", ".join(
    f"{what}=()"
    for what in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "serial", "usb")
)


#: What makes text run another way than it was written (Unicode's bidirectional controls, UAX 9), in UTF-8: a branch or a
#: message could look like another one. Whoever looks sees that there was something.
_TURNS = re.compile(rb"\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


class ContentSecurity(MiddlewareMixin):
    """Adds the policy to every answer."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add it."""
        response["Content-Security-Policy"] = _LOGIN if request.path_info.startswith("/login/") else _EVERYWHERE
        response["Permissions-Policy"] = _NOTHING
        if "Cache-Control" not in response.headers and (kept := _kept(request)):
            response["Cache-Control"] = kept
        if _is_page(response):
            response.content = _TURNS.sub("\ufffd".encode(), response.content)
        return response


def _is_page(response: HttpResponseBase) -> TypeGuard[HttpResponse]:
    kind = response.headers.get("Content-Type", "")
    return isinstance(response, HttpResponse) and kind.startswith("text/html") and "Content-Encoding" not in response


def _kept(request: HttpRequest) -> str:
    """Who may keep an answer that does not say so itself: nobody where not everybody may look, and of a page that was made
    for somebody no cache between."""
    if configuration.current().private:
        return "private, no-store"
    return "private, no-cache" if settings.SESSION_COOKIE_NAME in request.COOKIES else ""
