"""Webhooks: they say *look again*, and nothing they say is believed."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.errors import ConfigurationError
from core.models import Repository
from core.plugins import plugins
from core.services import heads

#: Bytes that a webhook may have.
_LIMIT = 10_000_000


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, kind: str) -> JsonResponse:
    """Have a source read a webhook, and ask for a look at the repositories that it names."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > _LIMIT:
        return _refused(413, f"a webhook may have {_LIMIT} bytes")
    try:
        headers = {name.lower(): value for name, value in request.headers.items()}
        names = plugins.source(kind).webhook(headers, request.GET.dict(), request.read(_LIMIT))
    except ConfigurationError as error:
        return _refused(404, str(error))
    except PermissionError as error:
        return _refused(403, str(error))
    except ValueError as error:
        return _refused(400, str(error))
    rows = list(Repository.objects.filter(source=kind, name__in=names, retired_at=None))
    heads.ask(rows, timezone.now())
    return JsonResponse({"looking_at": [row.name for row in rows]}, status=202)


def _refused(status: int, reason: str) -> JsonResponse:
    return JsonResponse({"error": reason}, status=status)
