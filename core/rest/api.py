"""The HTTP API, mounted at `/api/`: everybody may read; who has signed in, or comes with a token, and has
the role may act. A POST with an `Idempotency-Key` is carried out once. Errors are problem details (RFC 9457)."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from ninja import NinjaAPI, Router

from core.rest import (
    activity,
    builds,
    commits,
    deliveries,
    deployments,
    errors,
    flavours,
    job_logs,
    jobs,
    plugins,
    pools,
    releases,
    repositories,
    search,
    services,
    streams,
)

api = NinjaAPI(
    title="Deployer",
    version="0.1",
    description=__doc__,
    urls_namespace="api",
    # The page that shows the description of an API loads its scripts from elsewhere: `openapi.json` has all of it.
    docs_url=None,
    openapi_extra={"components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}},
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
    ("commits", commits),
    ("activity", activity),
    ("search", search),
    ("plugins", plugins),
    ("pools", pools),
):
    api.add_router(f"/{name}", noun.router)

api.add_router("", streams.router)

_elsewhere = Router()


@_elsewhere.api_operation(["GET", "POST", "PUT", "PATCH", "DELETE"], "/{path:address}", include_in_schema=False)
def nowhere(request: HttpRequest, address: str) -> None:
    """Answer in the API's own way where there is nothing."""
    raise Http404(f"There is nothing at {request.path}.")


api.add_router("", _elsewhere)
