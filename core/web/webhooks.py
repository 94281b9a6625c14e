"""Webhooks: they say *look again*, and nothing else that they say is believed."""

from __future__ import annotations

import time

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.errors import ConfigurationError
from core.plugins import plugins
from core.services import deliveries
from core.web.limits import WEBHOOK_BYTES

#: Seconds between two refusals that are written down: anybody may send what is refused.
_BETWEEN_REFUSALS = 1.0
_last_refusal = 0.0


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, kind: str) -> JsonResponse:
    """Have a source read a webhook, and ask for a look at the repositories that it names. The work is done afterwards."""
    body = request.read(WEBHOOK_BYTES + 1)
    if len(body) > WEBHOOK_BYTES:
        return _refused(kind, 413, f"a webhook may have {WEBHOOK_BYTES:,} bytes")
    try:
        headers = {name.lower(): value for name, value in request.headers.items()}
        told = plugins.source(kind).webhook(headers, request.GET.dict(), body)
    except ConfigurationError as error:
        return JsonResponse({"error": str(error)}, status=404)
    except PermissionError as error:
        return _refused(kind, 403, str(error))
    except ValueError as error:
        return _refused(kind, 400, str(error))
    row, found = deliveries.receive(kind, told, timezone.now())
    names = sorted({repository.name for repository in found})
    return JsonResponse({"delivery": row.key, "looking_at": names, "outcome": row.outcome}, status=202)


def _refused(kind: str, status: int, reason: str) -> JsonResponse:
    global _last_refusal  # noqa: PLW0603  one for the process
    now = time.monotonic()
    if now - _last_refusal >= _BETWEEN_REFUSALS:
        _last_refusal = now
        deliveries.refuse(kind, reason, timezone.now())
    return JsonResponse({"error": reason}, status=status)
