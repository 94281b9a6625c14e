"""`/metrics`, for Prometheus."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from core import clock, configuration
from core.engine import schedules
from core.queries import access
from core.queries.metrics import exposition
from core.services import measurements, tokens
from core.states import TokenScope

_DENIED = (
    "This deployer is private: send `Authorization: Bearer …` with the value of DEPLOYER_METRICS_TOKEN, or with an API "
    "token that has the scope read (made on the page /tokens/).\n"
)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything that is measured, of all flavours. Where not everybody may look, for those who may look at all."""
    if configuration.current().private and not _may_read(request):
        answer = HttpResponse(_DENIED, status=401, content_type="text/plain; charset=utf-8")
        answer["WWW-Authenticate"] = 'Bearer realm="deployer"'
        return answer
    measurements.flush()
    now = clock.now()
    return HttpResponse(exposition(now, len(schedules.late(now))), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_read(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return access.sees_everything(request.user)
    own = configuration.current().metrics_token
    if own and secrets.compare_digest(own.encode(), given.strip().encode()):
        return True
    token = tokens.find(given.strip())
    return token is not None and TokenScope.READ in token.scopes and access.sees_everything(token.owner)
