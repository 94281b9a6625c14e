"""The HTTP API, mounted at `/api/`: everybody may read; who has signed in, or comes with a token, and has
the role may act. A POST with an `Idempotency-Key` is carried out once. Errors are problem details (RFC 9457)."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from ninja import Router

from core.plugins import plugins as plugin_offers
from core.rest import (
    activity,
    builds,
    commits,
    deliveries,
    deployments,
    errors,
    exceptions,
    flavours,
    graphs,
    job_logs,
    jobs,
    plugins,
    pools,
    processes,
    provenance,
    refs,
    releases,
    repositories,
    search,
    services,
    settings,
    streams,
    tokens_of_mine,
)
from core.rest.description import DescribedApi, JsonRenderer, built_once

api = DescribedApi(
    title="Deployer",
    version="0.1",
    description=__doc__,
    urls_namespace="api",
    # The page that shows the description of an API loads its scripts from elsewhere: `openapi.json` has all of it.
    docs_url=None,
    docs_decorator=built_once,
    renderer=JsonRenderer(),
    openapi_extra={
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Made on the page `/tokens/`."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "sessionid",
                    "description": "A browser that has logged in; to act, with the header `X-CSRFToken`.",
                },
            }
        }
    },
)
errors.install(api)

for name, noun in (
    ("flavours", flavours),
    ("repositories", repositories),
    ("services", services),
    ("builds", builds),
    ("releases", releases),
    ("deliveries", deliveries),
    ("deployments", deployments),
    ("jobs", jobs),
    ("jobs", job_logs),
    ("exceptions", exceptions),
    ("commits", commits),
    ("activity", activity),
    ("search", search),
    ("plugins", plugins),
    ("pools", pools),
    ("processes", processes),
    ("tokens", tokens_of_mine),
    ("settings", settings),
):
    api.add_router(f"/{name}", noun.router)

api.add_router("", streams.router)
api.add_router("", graphs.router)
api.add_router("", provenance.router)
api.add_router("", refs.router)

for name, router in plugin_offers.routers():
    try:
        api.add_router(f"/plugins/{name}", router, tags=[f"plugin {name}"])
    except Exception as error:  # noqa: BLE001  whatever is wrong with it, the other operations go on
        plugin_offers.fails(name, "its operations are left out of the API", error)

_elsewhere = Router()


@_elsewhere.api_operation(["GET", "POST", "PUT", "PATCH", "DELETE"], "/{path:address}", include_in_schema=False)
def nowhere(request: HttpRequest, address: str) -> None:
    """Answer in the API's own way where there is nothing."""
    raise Http404(f"There is nothing at {request.path}.")


api.add_router("", _elsewhere)
