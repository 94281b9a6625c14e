"""What GitHub's refusals mean."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from core.api import OperationError, Waiting
from plugins.github.faults import Forbidden, Unauthorized, check

NOW = 1_000_000.0
EMPTY = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 90)}
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


def refused(status: int, headers: Mapping[str, str] | None = None, message: str = "no") -> None:
    body = json.dumps({"message": message}).encode()
    check(status, headers or {}, body, who="the app", host="github.com", now=NOW)


@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 409, 422])
def test_what_is_said_of_the_question_itself_is_left_to_who_asked(status: int) -> None:
    refused(status)


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        pytest.param(403, EMPTY, "API rate limit exceeded", 90, id="the points are used up"),
        pytest.param(429, EMPTY, "API rate limit exceeded", 90, id="as it is told by another status"),
        pytest.param(403, {"retry-after": "17"}, SECONDARY, 17, id="too many at once, and it says how long"),
        pytest.param(429, {"retry-after": "17"}, SECONDARY, 17, id="so with another status"),
        pytest.param(403, {}, SECONDARY, 60, id="too many at once, and it does not say"),
        pytest.param(403, {"retry-after": "0"}, SECONDARY, 1, id="it never makes us ask without a pause"),
    ],
)
def test_a_limit_is_waited_for_as_long_as_github_says(
    status: int, headers: Mapping[str, str], message: str, wait: float
) -> None:
    with pytest.raises(Waiting) as caught:
        refused(status, headers, message)
    assert caught.value.retry_in == wait
    assert "answers again at" in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (403, Forbidden), (500, OperationError), (502, OperationError)]
)
def test_other_refusals_say_who_and_why(status: int, kind: type[OperationError]) -> None:
    with pytest.raises(kind, match="no way") as caught:
        refused(status, message="no way")
    assert "github.com" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"[]", b'{"other": 1}', b"\xff\xfe"])
def test_what_a_proxy_says_is_an_error_that_can_be_read(body: bytes) -> None:
    with pytest.raises(OperationError, match=r"github\.com answered 502"):
        check(502, {}, body, who="the app", host="github.com", now=NOW)
