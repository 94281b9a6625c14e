"""The reference page of the API, from its description (OpenAPI). Pure: a description and what is written of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete")


def page(description: Mapping[str, Any]) -> Iterator[str]:
    """The page, line by line."""
    yield "# The API\n"
    yield "[How to use it](../how-to/use-the-api.md), with examples. Everything below is also in `/api/openapi.json`.\n"
    yield f"{description['info']['description']}\n"
    nouns: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = defaultdict(list)
    for path, methods in description["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                nouns[operation["tags"][0]].append((method.upper(), path, operation))
    for noun in sorted(nouns):
        yield f"## {noun.capitalize()}\n\n| call | what it does | takes |\n|---|---|---|"
        for method, path, operation in nouns[noun]:
            takes = ", ".join([*_filters(operation), *_fields(operation, description)])
            yield f"| `{method} {path}` | {_said(operation)} | {takes} |"
        yield ""


def _said(operation: Mapping[str, Any]) -> str:
    return ". ".join(filter(None, [operation["summary"], operation.get("description", "")])).replace("|", "\\|")


def _filters(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "query":
            yield f"`{parameter['name']}`"


def _fields(operation: Mapping[str, Any], description: Mapping[str, Any]) -> Iterator[str]:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    body = description["components"]["schemas"].get(name, {})
    for field in body.get("properties", {}):
        yield f"`{field}`" + (" (needed)" if field in body.get("required", ()) else "")
