"""Webhooks: they say *look again*, and nothing else that they say is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core import clock, configuration
from core.errors import ConfigurationError
from core.limits import Limit, network
from core.metrics import WEBHOOKS
from core.plugins import plugins
from core.services import deliveries
from core.values import Delivery
from core.web.refusals import refusals

#: Bytes that a webhook may have: GitHub sends none larger than 25 MB, and none that is looked at comes near this.
LIMIT = 10_000_000

#: A status and what is said with it.
Answer = tuple[int, dict[str, Any]]


#: How often each address sends, and how often each repository is named, in this process.
_by_address, _by_repository = Limit(), Limit()
#: One address may tell of many repositories.
_OF_ONE_REPOSITORY = 10


def wait(address: str) -> int:
    """Count a webhook of an address; answer for how many seconds no more of its are read, 0 where this one is."""
    return _by_address.take(network(address), configuration.current().webhooks_per_minute)


def too_many(kind: str, seconds: int, reason: str = "one address sent too many webhooks") -> Answer:
    """Refuse what comes too often. What it would have told of, the next poll finds."""
    said = f"{reason}: what changed is found without them (DEPLOYER_WEBHOOKS_PER_MINUTE)"
    status, told = _refused(kind, 429, said)
    return status, {**told, "retry_after": seconds}


def _too_often(kind: str, told: Delivery) -> Answer | None:
    """Refuse what names one repository too often, unless a person asks for something by it: no poll would find that."""
    most = -(-configuration.current().webhooks_per_minute // _OF_ONE_REPOSITORY)
    waits = [_by_repository.take(f"{kind} {name[:200].lower()}", most) for name in told.look[:100]]
    if told.asked or not waits or not all(waits):
        return None
    return too_many(kind, max(waits), "too many webhooks name one repository")


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
    if refused := _too_often(kind, told):
        return refused
    row, found = deliveries.receive(kind, told, clock.now())
    WEBHOOKS.count(source=kind, outcome="repeated" if row.count > 1 else "accepted")
    if row.count > 1:
        return 200, {"delivery": row.key, "seen": True, "outcome": row.outcome}
    names = sorted({repository.name for repository in found})
    return 202, {"delivery": row.key, "looking_at": names, "outcome": row.outcome}


def too_large(kind: str) -> Answer:
    """Refuse what is too large."""
    return _refused(kind, 413, f"a webhook may have at most {LIMIT:,} bytes")


def _refused(kind: str, status: int, reason: str) -> Answer:
    # Anybody may write anything into the address.
    WEBHOOKS.count(source=kind if kind in plugins.kinds("sources") else "unknown", outcome="refused")
    refusals.note(kind, reason)
    return status, {"error": reason}


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, kind: str) -> JsonResponse:
    """The same as a view, for servers that are no ASGI servers; see `core.web.intake`."""
    seconds = wait(request.META.get("REMOTE_ADDR", ""))
    refused = too_many(kind, seconds) if seconds else None
    headers = {name.lower(): value for name, value in request.headers.items()}
    status, said = refused or answer(kind, headers, request.GET.dict(), request.read(LIMIT + 1))
    return JsonResponse(said, status=status, headers=retry(said))


def retry(said: Mapping[str, Any]) -> dict[str, str]:
    """The header that says when to come again, where an answer says so."""
    return {"Retry-After": str(said["retry_after"])} if "retry_after" in said else {}
