"""What GitHub publishes of itself, as npm packages: the description of its REST API, its GraphQL schema, sample webhooks.

They are fetched on first use and kept in a cache of this machine; nothing of them is in this repository.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from graphql import GraphQLSchema, build_schema

from tests.npm import file

#: Packages, and the one file that is wanted of each.
_OPENAPI = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
_GRAPHQL = ("@octokit/graphql-schema@15.26.1", "package/schema.graphql")
_WEBHOOKS = ("@octokit/webhooks-examples@7.6.1", "package/api.github.com/index.json")


@cache
def openapi() -> dict[str, Any]:
    """GitHub's description of its REST API (OpenAPI 3.0)."""
    return dict(json.loads(file(*_OPENAPI).read_bytes()))


@cache
def graphql_schema() -> GraphQLSchema:
    """GitHub's GraphQL schema. The schema itself is not checked: this version of it has a field twice."""
    return build_schema(file(*_GRAPHQL).read_text(), assume_valid=True, assume_valid_sdl=True)


@cache
def webhooks() -> dict[str, list[dict[str, Any]]]:
    """Sample payloads of webhooks, by event."""
    return {each["name"]: each["examples"] for each in json.loads(file(*_WEBHOOKS).read_bytes())}


def examples(event: str) -> list[dict[str, Any]]:
    """Sample payloads of an event, copies of their own."""
    return [dict(json.loads(json.dumps(each))) for each in webhooks()[event]]
