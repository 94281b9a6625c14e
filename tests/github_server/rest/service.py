"""What GitHub tells of itself: what is left of the points, and its addresses."""

from __future__ import annotations

from tests.github_server.callers import Caller
from tests.github_server.description import example
from tests.github_server.rest.call import Answer, Call, on


@on("rate-limit/get")
def _limits(call: Call) -> Answer:
    who = Caller(call.token, call.app).payer
    body = example(call.operation)
    for kind in ("core", "graphql"):
        limit = call.state.limit(who, kind)
        told = {"limit": limit.limit, "used": limit.used, "remaining": limit.remaining, "reset": int(limit.reset)}
        body["resources"][kind] = told
    return 200, {**body, "rate": body["resources"]["core"]}


@on("meta/get")
def _meta(call: Call) -> Answer:
    body = example(call.operation)
    # The description's own example has numbers where it says that there are texts.
    prints = body["ssh_key_fingerprints"]
    return 200, {**body, "ssh_key_fingerprints": {name: str(value) for name, value in prints.items()}}
