"""Testing the whole configuration of GitHub: as whom, with which permissions, told by which webhooks, which repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from core.api import Finding, OperationError, secret_file
from plugins.github import settings
from plugins.github.check_repository import repository
from plugins.github.queries import Name
from plugins.github.session import Session
from plugins.github.webhooks import EVENTS

#: What the app has to be allowed, and what for.
PERMISSIONS = {
    "metadata": ("read", "seeing repositories"),
    "contents": ("read", "cloning"),
    "pull_requests": ("read", "building pull requests"),
    "checks": ("write", "the check of each commit"),
    "deployments": ("write", "showing what is live"),
}
#: Names of hosts that GitHub cannot reach.
_LOCAL = ("localhost", "127.0.0.1", "::1")
_RANKS = ("none", "read", "write", "admin")
#: Deliveries of webhooks that are looked at.
_DELIVERIES = 30


async def findings(now: Session, names: Sequence[Name], webhook_url: str) -> AsyncIterator[Finding]:
    """Test everything, the most fundamental first."""
    if now.credentials.anonymous:
        yield Finding(
            level="warning",
            text=f"{now.server.host} is asked as nobody: it shows public branches alone, and is told nothing",
            remedy=f"set {settings.APP_ID} and {secret_file('github_private_key')}, or {secret_file('github_token')}",
        )
    elif now.credentials.app:
        async for finding in _app(now, webhook_url):
            yield finding
    else:
        async for finding in _person(now):
            yield finding
    if now.clock.wrong:
        said = f"this host's clock and {now.server.host}'s differ by {abs(now.clock.ahead) / 60:.1f} minutes"
        yield Finding(level="warning", text=said, remedy="set this host's clock by NTP")
    for name in names:
        async for finding in repository(now, name):
            yield finding
    if not names:
        yield Finding(
            level="warning", text="no repository of GitHub is declared", remedy="declare one with this source"
        )


async def _person(now: Session) -> AsyncIterator[Finding]:
    (api,) = now.credentials.apis
    try:
        user = await api.ask("/user", {})
    except OperationError as error:
        yield Finding(level="error", text=str(error), remedy=f"make another token: {secret_file('github_token')}")
        return
    said = f"the personal token is {user['login']}'s; commits get statuses, without buttons and without annotations"
    yield Finding(level="ok", text=said)


async def _app(now: Session, webhook_url: str) -> AsyncIterator[Finding]:
    try:
        app = await now.credentials.ask_as_app("/app", {})
    except OperationError as error:
        remedy = f"{settings.APP_ID} and {secret_file('github_private_key')} have to be of one app"
        yield Finding(level="error", text=str(error), remedy=remedy)
        return
    if app is None:
        text = f"{now.server.host} has no app {now.credentials.app.id if now.credentials.app else ''}"
        yield Finding(level="error", text=text, remedy=f"set {settings.APP_ID}")
        return
    yield Finding(level="ok", text=f"the app is {app['name']} ({app['html_url']})")
    where = f"at {now.server.url}/settings/apps/{app.get('slug', '')}/permissions (or the organisation's settings)"
    for finding in [*_permissions(app["permissions"], where), *_events(app["events"], where)]:
        yield finding
    async for finding in _webhook(now, webhook_url):
        yield finding


def _permissions(given: Mapping[str, str], where: str) -> Sequence[Finding]:
    missing = {
        name: (needed, purpose)
        for name, (needed, purpose) in PERMISSIONS.items()
        if _RANKS.index(given.get(name, "none")) < _RANKS.index(needed)
    }
    if not missing:
        return [Finding(level="ok", text="the app has all permissions that it needs")]
    return [
        Finding(level="error", text=f"the app misses `{name}: {needed}`, for {purpose}", remedy=f"allow it {where}")
        for name, (needed, purpose) in missing.items()
    ]


def _events(given: Sequence[str], where: str) -> Sequence[Finding]:
    missing = [event for event in EVENTS if event not in given]
    if not missing:
        return [Finding(level="ok", text="the app is told of all events that it needs")]
    text = f"the app is not told of {', '.join(missing)}: what happens there is seen at the next poll only"
    return [Finding(level="warning", text=text, remedy=f"subscribe to them {where}")]


async def _webhook(now: Session, webhook_url: str) -> AsyncIterator[Finding]:
    for finding in _own(webhook_url):
        yield finding
    try:
        hook = await now.credentials.ask_as_app("/app/hook/config", {})
        recent = await now.credentials.ask_as_app("/app/hook/deliveries{?per_page}", {"per_page": str(_DELIVERIES)})
    except OperationError as error:
        yield Finding(level="warning", text=f"how webhooks are sent cannot be told: {error}")
        return
    for finding in [*_sent(hook or {}, webhook_url), *_arrived(recent or [])]:
        yield finding


def _own(webhook_url: str) -> Sequence[Finding]:
    found = []
    if not settings.webhook_secrets():
        remedy = f"set {secret_file('github_webhook_secret')} to the secret that the app signs with"
        found.append(Finding(level="error", text="every webhook is refused: its secret is not set here", remedy=remedy))
    if urlsplit(webhook_url).hostname in _LOCAL:
        remedy = "set DEPLOYER_BASE_URL, or the flavour's base_url, to an address that GitHub reaches"
        found.append(Finding(level="warning", text=f"GitHub cannot reach {webhook_url}", remedy=remedy))
    return found


def _sent(hook: Mapping[str, Any], webhook_url: str) -> Sequence[Finding]:
    found = []
    if hook.get("url", "").rstrip("/") != webhook_url.rstrip("/"):
        text = f"webhooks are sent to {hook.get('url') or 'nobody'}"
        found.append(Finding(level="error", text=text, remedy=f"have the app send them to {webhook_url}"))
    if not hook.get("secret"):
        text = "webhooks are sent without a signature"
        found.append(Finding(level="error", text=text, remedy="set a webhook secret in the app's settings, and here"))
    if str(hook.get("insecure_ssl", "0")) == "1":
        text = "webhooks are sent without looking at the certificate of who takes them"
        found.append(Finding(level="warning", text=text, remedy="enable SSL verification in the app's settings"))
    return found or [Finding(level="ok", text=f"webhooks are sent to {webhook_url}, signed")]


def _arrived(recent: Sequence[Mapping[str, Any]]) -> Sequence[Finding]:
    failed = [each for each in recent if not 200 <= int(each["status_code"]) < 300]
    if not recent:
        return [Finding(level="warning", text="no webhook was sent lately", remedy="push something, and check again")]
    if not failed:
        return [Finding(level="ok", text=f"the last {len(recent)} webhooks arrived")]
    text = f"{len(failed)} of the last {len(recent)} webhooks were not taken: {failed[0]['status']}"
    remedy = "its Advanced page shows each answer, and sends them again"
    return [Finding(level="warning", text=text, remedy=remedy)]
