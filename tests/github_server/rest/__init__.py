"""GitHub's REST API: each request is judged by its published description, and so is each answer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.github_server import description
from tests.github_server.callers import Caller, caller
from tests.github_server.replies import Refusal, Reply
from tests.github_server.rest import apps, checks, deployments, people, repositories, service, statuses
from tests.github_server.rest.call import HANDLERS, Call
from tests.github_server.state import Request, State

__all__ = ["apps", "checks", "deployments", "people", "reply", "repositories", "service", "statuses"]

_BY_ID = re.compile(r"/repositories/(\d+)(/.*)?")


@dataclass
class Sent:
    """A request as it came.

    :param url: the address of the API: `http://127.0.0.1:1/api/v3`.
    :param headers: by name in lower case.
    """

    url: str
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def reply(state: State, asked: Request, sent: Sent) -> Reply:
    """Answer a request, and note what it was in `asked`."""
    found = description.find(sent.method, _by_name(state, sent.path))
    if found is None:
        state.violations.append(f"GitHub has no {sent.method} {sent.path}")
        return Refusal(404, "Not Found").reply()
    operation, parameters = found
    asked.operation = operation.id
    who = Caller()
    try:
        who = caller(state, sent.headers.get("authorization", ""))
        asked.who = who.name
        call = _call(state, operation, parameters, sent, who)
        _check(call, sent)
        answer = _answer(call, sent)
    except Refusal as refusal:
        answer = refusal.reply(str(operation.about["externalDocs"]["url"]))
    return _counted(state, asked, who, answer)


def _by_name(state: State, path: str) -> str:
    """The path of a repository that was asked for by its number, as answers of a renamed one point to."""
    if match := _BY_ID.fullmatch(path):
        wanted = int(match[1])
        name = next((each.full_name for each in state.repositories.values() if each.id == wanted), None)
        return f"/repos/{name}{match[2] or ''}" if name else path
    return path


def _call(
    state: State, operation: description.Operation, parameters: Mapping[str, str], sent: Sent, who: Caller
) -> Call:
    query = dict(parse_qsl(sent.query, keep_blank_values=True))
    try:
        body = json.loads(sent.body) if sent.body else None
    except ValueError:
        raise Refusal(400, "Problems parsing JSON") from None
    return Call(state, operation, parameters, query, body or {}, who.token, who.app, sent.url, sent.path)


def _check(call: Call, sent: Sent) -> None:
    """Refuse what GitHub refuses whatever was asked."""
    if not sent.headers.get("user-agent"):
        raise Refusal(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent")
    who = Caller(call.token, call.app).payer
    limit = call.state.limit(who, "core")
    if limit.remaining <= 0 and call.operation.id != "rate-limit/get":
        raise Refusal(limit.refusal, f"API rate limit exceeded for {who}.")
    body = json.loads(sent.body) if sent.body else None
    if faults := description.request_faults(call.operation, call.query, body):
        call.state.violations += faults
        raise Refusal(422, f"Validation Failed: {'; '.join(faults)}")
    if call.token and call.token.installation and not call.operation.about["x-github"]["enabledForGitHubApps"]:
        raise Refusal(403, "Resource not accessible by integration")


def _answer(call: Call, sent: Sent) -> Reply:
    handler = HANDLERS.get(call.operation.id)
    if handler is None:
        call.state.violations.append(f"the stand-in does not know {call.operation.id}")
        raise Refusal(501, f"the stand-in does not know {call.operation.id}")
    status, body = handler(call)
    for fault in description.answer_faults(call.operation, status, body):
        call.state.violations.append(f"the stand-in's own answer to {call.operation.id}: {fault}")
    if call.method != "GET":
        return Reply(status, body, call.headers)
    etag = _etag(body)
    if sent.headers.get("if-none-match") in (etag, etag.removeprefix("W/")):
        return Reply(304, None, {**call.headers, "ETag": etag})
    return Reply(status, body, {**call.headers, "ETag": etag})


def _etag(body: Any) -> str:
    return 'W/"' + hashlib.sha256(json.dumps(body).encode()).hexdigest() + '"'


def _counted(state: State, asked: Request, who: Caller, answer: Reply) -> Reply:
    """Count a request against the limit of who asked, and tell what is left."""
    limit = state.limit(who.payer, "core")
    free = asked.operation == "rate-limit/get" or (answer.status == 304 and who != Caller())
    if not free and limit.remaining > 0:
        asked.cost = 1
        limit.used += 1
    answer.headers |= limits(state, who, "core")
    if who.token and who.token.scopes is not None:
        answer.headers["X-OAuth-Scopes"] = ", ".join(sorted(who.token.scopes))
    return answer


def limits(state: State, who: Caller, kind: str) -> dict[str, str]:
    """The headers that tell what is left."""
    limit = state.limit(who.payer, kind)
    return {
        "X-RateLimit-Limit": str(limit.limit),
        "X-RateLimit-Remaining": str(limit.remaining),
        "X-RateLimit-Used": str(limit.used),
        "X-RateLimit-Reset": str(int(limit.reset)),
        "X-RateLimit-Resource": kind,
    }
