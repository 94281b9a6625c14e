"""What a swarm's refusals mean."""

from __future__ import annotations

import httpx
import pytest

from containers.engine import Engine
from core.api import OperationError, Stalled
from plugins.docker_swarm.client import Swarm


async def test_a_swarm_that_hangs_is_told_with_what_to_do() -> None:
    """The words are those of Docker 20.10.24, of whose two managers one was killed."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/version":
            return httpx.Response(200, json={"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
        return httpx.Response(
            500, json={"message": "rpc error: code = DeadlineExceeded desc = context deadline exceeded"}
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://engine") as client:
        with pytest.raises(OperationError, match=r"takes no changes now.* restart its engine") as raised:
            await Swarm(Engine(client, "the engine of a", {}, "a")).service("web")
    assert not isinstance(raised.value, Stalled), "it is tried again"
