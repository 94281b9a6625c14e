"""Webhooks: payloads as published, about what there is here, sent and signed as GitHub does."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.github_server import published
from tests.github_server.accounts import App, Installation, Person
from tests.github_server.repositories import Repository


def signature(body: bytes, secret: str, algorithm: str = "sha256") -> str:
    """A webhook's signature, as GitHub makes it."""
    return f"{algorithm}=" + hmac.new(secret.encode(), body, algorithm).hexdigest()


def payload(
    event: str,
    action: str = "",
    *,
    repository: Repository | None = None,
    installation: Installation | None = None,
    sender: Person | None = None,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A published payload of an event and action, about what there is here.

    :param changes: what is otherwise in it: values inside of values are put in place of theirs alone.
    """
    found = [each for each in published.examples(event) if action in ("", each.get("action"))]
    if not found:
        raise LookupError(f"there is no published payload of {event} {action}".rstrip())
    body = found[0]
    if repository and "repository" in body:
        example = body["repository"]
        body = _replaced(body, {str(example["full_name"]): repository.full_name})
        body["repository"] |= {"id": repository.id, "name": repository.name, "private": repository.private}
        body["repository"]["archived"] = repository.archived
        body["repository"]["default_branch"] = repository.default_branch
        body["repository"]["owner"]["login"] = repository.owner
    if installation:
        body["installation"] = {**body.get("installation", {}), "id": installation.id}
    if sender and "sender" in body:
        body["sender"] |= {"login": sender.login, "id": sender.id}
    return _merged(body, changes or {})


def _replaced(value: Any, names: Mapping[str, str]) -> Any:
    """A value with names in all its texts put in place of others: addresses have them as well."""
    if isinstance(value, dict):
        return {name: _replaced(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, names) for each in value]
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value


def _merged(body: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in changes.items():
        known = body.get(name)
        body[name] = _merged(known, value) if isinstance(known, dict) and isinstance(value, Mapping) else value
    return body


def request(
    event: str, body: Mapping[str, Any], secret: str, *, id: str = "", app: App | None = None, form: bool = False
) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a delivery.

    :param id: of the delivery; empty for one of its own.
    :param form: send it as a form, the other of the two content types that a webhook may have.
    """
    data = json.dumps(body).encode()
    if form:
        data = urlencode({"payload": data}).encode()
    target = {"X-GitHub-Hook-Installation-Target-ID": str(app.id if app else 1)}
    signed = {"X-Hub-Signature": signature(data, secret, "sha1"), "X-Hub-Signature-256": signature(data, secret)}
    return data, {
        "User-Agent": "GitHub-Hookshot/044aadd",
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": id or str(uuid.uuid4()),
        "X-GitHub-Hook-ID": str(_number(secret)),
        "X-GitHub-Hook-Installation-Target-Type": "integration" if app else "repository",
        **target,
        **(signed if secret else {}),
    }


def _number(secret: str) -> int:
    """The number of the hook that has this secret."""
    return int(hashlib.sha256(secret.encode()).hexdigest()[:8], 16)
