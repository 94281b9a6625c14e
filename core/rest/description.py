"""The description of the API (OpenAPI 3.1): names of operations, who may call each, and how each says that it went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import BaseRenderer
from pydantic_core import to_json

#: Why a call may be refused, by status.
_REFUSALS = {
    "400": "It cannot be read.",
    "401": "The token is not in force.",
    "403": "Who asks is not known, or has not the role or the scope.",
    "404": "There is no such thing.",
    "409": "It cannot be done now: the detail says why.",
    "415": "The body is not JSON.",
    "422": "Something in it is not as it has to be: `errors` says where.",
    "429": "It was asked for too often: `Retry-After` says after how many seconds it may be again.",
    "500": "The deployer made a mistake.",
}
_READING = ("401", "403", "404", "422", "429", "500")
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "Names this call for a day: sent again with the same key, it is not done again but answered again.",
    "example": "deploy-2026-01-31-1",
}
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence, for a person."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
    "example": {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "job 12 was approved already, by ann",
    },
}


class JsonRenderer(BaseRenderer):
    """Writes JSON as pydantic does, also where an event has the same: moments to the microsecond."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data)


class DescribedApi(NinjaAPI):
    """Says of each operation what all of them have in common."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """`jobs_approve`: the module and the function, and no more of where they are unless it is a plugin's."""
        module = operation.view_func.__module__
        module = module.rpartition(".")[2] if module.startswith("core.") else module.replace(".", "_")
        return f"{module}_{operation.view_func.__name__}"

    def get_openapi_schema(self, *arguments: Any, **options: Any) -> OpenAPISchema:
        """The description, completed."""
        schema = super().get_openapi_schema(*arguments, **options)
        schema.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
        for method, operation in operations(schema):
            _complete(method, operation)
        return schema


def built_once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have the description made once in each process, and not sent again to who has it: it changes with the code alone."""
    kept: dict[str, tuple[bytes, str]] = {}

    @wraps(view)
    def answer(request: HttpRequest, **options: Any) -> HttpResponse:
        place = get_script_prefix()
        if place not in kept:
            body = view(request, **options).content
            kept[place] = body, quote_etag(sha256(body).hexdigest()[:32])
        body, tag = kept[place]
        told = HttpResponse(body, content_type="application/json; charset=utf-8")
        told["ETag"] = tag
        # Where the deployer is private, nobody between may keep it.
        patch_cache_control(told, private=True, no_cache=True)
        return get_conditional_response(request, etag=tag, response=told) or told

    return answer


def operations(schema: OpenAPISchema) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation, with its method in small letters."""
    for path in schema["paths"].values():
        yield from path.items()


def _complete(method: str, operation: dict[str, Any]) -> None:
    acts = method == "post"
    # Reading needs no token where the deployer is not private.
    operation["security"] = [{"token": []}, {"session": []}] if acts else [{}, {"token": []}, {"session": []}]
    if acts:
        operation["parameters"] = [*operation.get("parameters", ()), _KEY]
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers = {int(status): answer for status, answer in operation["responses"].items()}
    for status in _REFUSALS if acts else _READING:
        answers.setdefault(int(status), {"description": _REFUSALS[status], "content": content})
    operation["responses"] = {str(status): answers[status] for status in sorted(answers)}
