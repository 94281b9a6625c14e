"""Questions by GraphQL: checked against GitHub's schema and executed over the stand-in's repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    default_field_resolver,
    execute_sync,
    parse,
    validate,
)

from tests.github_server import graphql_cost, published
from tests.github_server.accounts import Token
from tests.github_server.callers import Caller, caller
from tests.github_server.graphql_repository import repository
from tests.github_server.replies import Refusal, Reply
from tests.github_server.rest import Sent, limits
from tests.github_server.state import Request, State


def reply(state: State, asked: Request, sent: Sent) -> Reply:
    """Answer a question, and note what it cost in `asked`."""
    asked.operation = "graphql"
    try:
        who = caller(state, sent.headers.get("authorization", ""))
        if who.token is None:
            raise Refusal(401, "This endpoint requires you to be authenticated.")
    except Refusal as refusal:
        return refusal.reply("https://docs.github.com/graphql")
    asked.who = who.name
    body = _answer(state, asked, who.token, sent)
    return Reply(200, body, limits(state, Caller(token=who.token), "graphql"))


def _answer(state: State, asked: Request, token: Token, sent: Sent) -> dict[str, Any]:
    limit = state.limit(token.login, "graphql")
    if limit.remaining <= 0:
        return {"errors": [{"type": "RATE_LIMITED", "message": f"API rate limit exceeded for {token.login}."}]}
    try:
        request = json.loads(sent.body)
        query, variables = parse(str(request["query"])), request.get("variables") or {}
        price = graphql_cost.of(query, variables)
    except (ValueError, KeyError, TypeError, GraphQLError) as error:
        state.violations.append(f"no query: {error}")
        return {"errors": [{"message": f"A query attribute must be specified and must be a string: {error}"}]}
    if faults := validate(published.graphql_schema(), query) or price.faults:
        state.violations += [fault.message for fault in faults]
        return _formatted(ExecutionResult(None, list(faults)))
    asked.cost = price.points
    limit.used = min(limit.used + price.points, limit.limit)
    return _execute(state, token, sent, query, variables, price)


def _execute(
    state: State,
    token: Token,
    sent: Sent,
    query: DocumentNode,
    variables: Mapping[str, Any],
    price: graphql_cost.Price,
) -> dict[str, Any]:
    limit = state.limit(token.login, "graphql")
    told = {"limit": limit.limit, "cost": price.points, "remaining": limit.remaining, "used": limit.used}
    root = {
        "repository": lambda info, owner, name, **_: repository(state, token, sent.url, owner, name),
        "rateLimit": {**told, "resetAt": datetime.fromtimestamp(limit.reset, UTC), "nodeCount": price.nodes},
        "viewer": {"login": token.login},
    }
    result = execute_sync(
        published.graphql_schema(), query, root, variable_values=dict(variables), field_resolver=_resolver(state)
    )
    if result.data is None:
        state.violations += [error.message for error in result.errors or ()]
    return _formatted(result)


def _resolver(state: State) -> Any:
    """What reads fields: one that the stand-in does not know is a fault of its own, and never simply null."""

    def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        if isinstance(source, Mapping) and info.field_name not in source:
            said = f"the stand-in does not know {info.parent_type.name}.{info.field_name}"
            state.violations.append(said)
            raise GraphQLError(said)
        value = default_field_resolver(source, info, **arguments)
        return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value

    return resolve


def _formatted(result: ExecutionResult) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if result.data is not None:
        answer["data"] = result.data
    if result.errors:
        answer["errors"] = [_error(error) for error in result.errors]
    return answer


def _error(error: GraphQLError) -> dict[str, Any]:
    """An error as GitHub tells it: its kind stands beside the message, not among extensions."""
    kind = (error.extensions or {}).get("type")
    return {
        **({"type": kind} if kind else {}),
        **({"path": error.path} if error.path else {}),
        "locations": [{"line": each.line, "column": each.column} for each in error.locations or ()],
        "message": error.message,
    }
