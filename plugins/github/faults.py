"""What GitHub's refusals mean, as the errors of the core. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from core.api import OperationError, Waiting
from plugins.github import budget

#: Seconds that GitHub asks to wait after a secondary limit where it names none ("Rate limits for the REST API").
_SECONDARY = 60.0


class Unauthorized(OperationError):  # noqa: N818  as its siblings in the core
    """GitHub does not accept who asks: a token that was revoked or has expired, a key that is not the app's."""


class Forbidden(OperationError):  # noqa: N818  as its siblings in the core
    """GitHub knows who asks, and does not let them."""


def check(status: int, headers: Mapping[str, str], body: bytes, *, who: str, host: str, now: float) -> None:
    """Raise what an answer means, where it means that the question has to be asked later or otherwise.

    What says something of the question itself is left to who asked: not found, unprocessable.

    :param who: as whom it was asked, for people.
    :param now: GitHub's time.
    :raises Waiting: it tells when to ask again.
    """
    if status < 400 or status in (404, 409, 410, 422):
        return
    said = message(body)
    if status in (403, 429) and (wait := _wait(headers, said, now)) is not None:
        until = datetime.fromtimestamp(now + wait, UTC)
        raise Waiting(
            f"{host} asks {who} to be slower ({said}); it answers again at {until:%H:%M:%S} UTC", retry_in=wait
        )
    if status == 401:
        raise Unauthorized(f"{host} does not accept {who}: {said}")
    if status == 403:
        raise Forbidden(f"{host} does not let {who}: {said}")
    raise OperationError(f"{host} answered {status}: {said}")


def _wait(headers: Mapping[str, str], said: str, now: float) -> float | None:
    """Seconds to wait, where a limit is what it is about."""
    after = headers.get("retry-after", "")
    if after.isdigit():
        return max(float(after), 1.0)
    told = budget.read(headers)
    if told and told[1].remaining <= 0:
        return max(told[1].reset - now, 1.0)
    return _SECONDARY if "rate limit" in said.lower() or "abuse" in said.lower() else None


def message(body: bytes) -> str:
    """What GitHub says, in one line."""
    try:
        said = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        said = body.decode(errors="replace").strip() or "nothing"
    return " ".join(str(said).split())[:300]
