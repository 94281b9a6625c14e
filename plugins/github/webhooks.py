"""Webhooks of GitHub: what they say to look at again, and what people pressed. Pure.

Events and their fields are those of GitHub's "Webhook events and payloads"; signatures those of "Validating webhook
deliveries". A payload is somebody else's text: of what it says nothing is believed but which repository it is about,
and, as it is signed, that a person whom GitHub let do so asked for something.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from core.api import Asked, Delivery, secret_file
from plugins.github import settings

#: What GitHub has to tell at once. An app is always told of its own installation.
EVENTS = ("push", "create", "delete", "pull_request", "check_run", "check_suite", "repository")
#: What may have changed heads or pull requests, by event: the actions, or all where there is no list.
_LOOKS: Mapping[str, frozenset[str] | None] = {
    "push": None,
    "create": None,
    "delete": None,
    "pull_request": frozenset({"opened", "reopened", "closed", "synchronize", "edited"}),
    "check_suite": frozenset({"requested"}),
    "repository": None,
}
_FORM = "application/x-www-form-urlencoded"
_INSTALLATION = ("installation", "installation_repositories")
#: Buttons of a check, and what GitHub's own button "Re-run" asks for.
_ACTIONS = ("rebuild", "cancel")


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a webhook.

    :raises PermissionError: it is not signed with our secret.
    :raises ValueError: it is no webhook of GitHub.
    """
    _check_signature(headers.get("x-hub-signature-256", ""), body)
    event = headers.get("x-github-event", "")
    if not event:
        raise ValueError("the header X-GitHub-Event is missing: this is no webhook of GitHub")
    payload = _payload(headers.get("content-type", ""), body)
    action = _text(payload, "action")
    return Delivery(
        id=headers.get("x-github-delivery", "")[:200],
        event=(f"{event}.{action}" if action else event)[:100],
        sender=_text(payload, "sender", "login")[:200],
        look=_to_look_at(event, action, payload),
        everything=event in _INSTALLATION and not _named(payload),
        asked=_asked(event, action, payload),
    )


def setup() -> str:
    """What to set at GitHub."""
    events = f"{', '.join(EVENTS[:-1])} and {EVENTS[-1]}".replace("_", " ")
    missing = "" if settings.webhook_secrets() else " It is not set yet: until it is, every webhook is refused."
    return (
        "In the settings of the app, or of each repository where there is no app: the content type application/json; "
        f"the events {events}; and as the secret what is here in {secret_file('github_webhook_secret')}.{missing}"
    )


def _check_signature(given: str, body: bytes) -> None:
    """Compare with each secret, in a time that tells nothing of how much of it is right."""
    secrets = settings.webhook_secrets()
    if not secrets:
        raise PermissionError(f"webhooks are refused until their secret is set: {secret_file('github_webhook_secret')}")
    if not given:
        raise PermissionError("the header X-Hub-Signature-256 is missing: set the secret in the webhook's settings")
    wanted = ["sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest() for secret in secrets]
    # All of them are compared, whichever is right.
    if not any([hmac.compare_digest(each.encode(), given.encode()) for each in wanted]):  # noqa: C419
        raise PermissionError("the signature is wrong: the secret is not the same here and in the webhook's settings")


def _payload(content_type: str, body: bytes) -> Mapping[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (_FORM, "application/json"):
        raise ValueError(f"its content type is {kind[:50]!r}: choose application/json in the webhook's settings")
    try:
        if kind == _FORM:
            body = parse_qs(body.decode())["payload"][0].encode()
        payload = json.loads(body)
    except (KeyError, RecursionError, ValueError):
        raise ValueError("its body is no JSON") from None
    if not isinstance(payload, dict):
        raise ValueError("its body is no JSON object")
    return payload


def _to_look_at(event: str, action: str, payload: Mapping[str, Any]) -> tuple[str, ...]:
    if event in _INSTALLATION:
        return _named(payload)
    actions = _LOOKS.get(event, frozenset())
    if actions is not None and action not in actions:
        return ()
    name = _repository(payload)
    return tuple(dict.fromkeys(filter(None, (name, _former_name(name, payload)))))


def _repository(payload: Mapping[str, Any]) -> str:
    return _text(payload, "repository", "full_name")[:200]


def _former_name(name: str, payload: Mapping[str, Any]) -> str:
    """What a repository was called before it was renamed or transferred."""
    owner, _, own = name.partition("/")
    former_own = _text(payload, "changes", "repository", "name", "from") or own
    former_owner = (
        _text(payload, "changes", "owner", "from", "user", "login")
        or _text(payload, "changes", "owner", "from", "organization", "login")
        or owner
    )
    return f"{former_owner}/{former_own}"[:200] if own else ""


def _named(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """The repositories that an installation was given or lost."""
    lists = (payload.get(name) for name in ("repositories", "repositories_added", "repositories_removed"))
    rows = [row for each in lists if isinstance(each, list) for row in each if isinstance(row, dict)]
    return tuple(dict.fromkeys(filter(None, (_text(row, "full_name")[:200] for row in rows))))


def _asked(event: str, action: str, payload: Mapping[str, Any]) -> tuple[Asked, ...]:
    """What a person pressed. GitHub shows the buttons to who may write to the repository."""
    verb = ""
    if event in ("check_run", "check_suite") and action == "rerequested":
        verb = "rebuild"
    elif event == "check_run" and action == "requested_action":
        verb = _text(payload, "requested_action", "identifier")
    commit, repository = _text(payload, event, "head_sha"), _repository(payload)
    if verb not in _ACTIONS or not (commit and repository):
        return ()
    login, number = _text(payload, "sender", "login")[:100], _number(payload, "sender", "id")
    if not login:
        return ()
    person = f"github:{login}"
    return (Asked(verb=verb, repository=repository, commit=commit[:64], person=person, subject=number),)


def _number(payload: Mapping[str, Any], name: str, field: str) -> str:
    """A number in a payload, as text; empty where there is none."""
    inside = payload.get(name)
    found = inside.get(field) if isinstance(inside, dict) else None
    return str(found)[:20] if isinstance(found, int) and not isinstance(found, bool) else ""


def _text(payload: Mapping[str, Any], *path: str) -> str:
    """The text at a place in a payload; empty where there is none."""
    found: Any = payload
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found.replace("\0", "") if isinstance(found, str) else ""
