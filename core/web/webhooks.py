"""Webhooks: they say *look again*, and nothing else that they say is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.errors import ConfigurationError
from core.plugins import plugins
from core.services import deliveries
from core.web.refusals import refusals

#: Bytes that a webhook may have: GitHub sends none larger than 25 MB, and none that is looked at comes near this.
LIMIT = 10_000_000

#: A status and what is said with it.
Answer = tuple[int, dict[str, Any]]


def answer(kind: str, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Answer:
    """Have a source read a webhook, and ask for a look at the repositories that it names. The work is done afterwards.

    :param headers: by name, in small letters.
    """
    if len(body) > LIMIT:
        return too_large(kind)
    try:
        told = plugins.source(kind).webhook(headers, query, body)
    except ConfigurationError as error:
        return 404, {"error": str(error)}
    except PermissionError as error:
        return _refused(kind, 403, str(error))
    except ValueError as error:
        return _refused(kind, 400, str(error))
    row, found = deliveries.receive(kind, told, timezone.now())
    if row.count > 1:
        return 200, {"delivery": row.key, "seen": True, "outcome": row.outcome}
    names = sorted({repository.name for repository in found})
    return 202, {"delivery": row.key, "looking_at": names, "outcome": row.outcome}


def too_large(kind: str) -> Answer:
    """Refuse what is too large."""
    return _refused(kind, 413, f"a webhook may have at most {LIMIT:,} bytes")


def _refused(kind: str, status: int, reason: str) -> Answer:
    refusals.note(kind, reason)
    return status, {"error": reason}


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, kind: str) -> JsonResponse:
    """The same as a view, for servers that are no ASGI servers; see `core.web.intake`."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    status, said = answer(kind, headers, request.GET.dict(), request.read(LIMIT + 1))
    return JsonResponse(said, status=status)
