"""Coming in with a token: `Authorization: Bearer deployer_…` (RFC 6750) makes the request one of the token's owner."""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from core.limits import Limit, network
from core.models import ApiToken
from core.rest import errors
from core.services import tokens
from core.states import TokenScope

#: Where a request keeps the token that it came with.
_KEPT = "_deployer_api_token"
#: Tokens of one address that are refused in a minute before it is told to wait. One that is in force is never refused so.
_MOST_REFUSED = 60
_refused = Limit()
logger = logging.getLogger(__name__)


class TokenAuthentication(MiddlewareMixin):
    """For the API alone: whoever has a token may use it there and nowhere else."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Make the request its owner's, or say what is wrong with the token."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if not request.path_info.startswith("/api/") or scheme.lower() != "bearer":
            return None
        token = tokens.find(text.strip())
        if token is None:
            if seconds := _refused.take(network(request.META.get("REMOTE_ADDR", "")), _MOST_REFUSED):
                answer = _challenge(HTTPStatus.TOO_MANY_REQUESTS, "invalid_token", "Too many tokens were refused.")
                answer["Retry-After"] = str(seconds)
                return answer
            logger.warning("an API token was refused that came from %s", request.META.get("REMOTE_ADDR", ""))
            return _challenge(
                HTTPStatus.UNAUTHORIZED,
                "invalid_token",
                "This token is not known, has expired or was revoked: make another on the page /tokens/.",
            )
        needed = TokenScope.READ if request.method in ("GET", "HEAD", "OPTIONS") else TokenScope.ACT
        if needed not in token.scopes:
            said = f"This token has not the scope {needed.value}: make another that has, on the page /tokens/."
            return _challenge(HTTPStatus.FORBIDDEN, "insufficient_scope", said)
        request.user = token.owner
        setattr(request, _KEPT, token)
        return None


def token_of(request: HttpRequest) -> ApiToken | None:
    """The token that a request came with."""
    token: ApiToken | None = getattr(request, _KEPT, None)
    return token


def _challenge(status: HTTPStatus, error: str, said: str) -> HttpResponse:
    answer = errors.problem(status, said)
    answer["WWW-Authenticate"] = f'Bearer realm="deployer", error="{error}"'
    return answer
