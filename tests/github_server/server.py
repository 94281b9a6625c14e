"""A GitHub of a test's own on 127.0.0.1: what tests set up, and what they have go wrong."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.testing.git_server import WorkTree, run_git
from tests.github_server import deliveries
from tests.github_server.accounts import App, Installation, OAuthApp, Person, Token
from tests.github_server.deliveries import signature
from tests.github_server.handler import Handler
from tests.github_server.oauth import Login
from tests.github_server.repositories import Repository
from tests.github_server.state import State, Trouble

__all__ = ["EVENTS", "PERMISSIONS", "GitHub", "signature"]

#: What the app of the tests is allowed, unless a test says otherwise.
PERMISSIONS = {
    "metadata": "read",
    "contents": "read",
    "pull_requests": "read",
    "checks": "write",
    "deployments": "write",
    "statuses": "write",
    "administration": "read",
}
EVENTS = ["push", "create", "delete", "pull_request", "check_run", "check_suite", "repository"]
_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "For more on scraping GitHub and how it may affect your rights, please review our Terms of Service."
)


class GitHub(State):
    """A GitHub of a test's own on 127.0.0.1. Use it as a context manager.

    :ivar login: who sits at the browser when people log in by GitHub.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        root.mkdir(parents=True, exist_ok=True)
        handler = type("Handler", (Handler,), {"root": root, "login": None, "github": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.login = Login(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="github").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What tests set up

    def repository(self, full_name: str, **about: Any) -> Repository:
        """Make an empty repository."""
        owner, _, name = full_name.partition("/")
        id = self.next_id()
        path = self.root / f"{id}.git"
        run_git("init", "--bare", "--quiet", "--initial-branch=main", str(path))
        run_git("config", "http.receivepack", "true", cwd=path)
        made = Repository(owner, name, id, path, **about)
        self.repositories[full_name.lower()] = made
        return made

    def work(self, repository: Repository, directory: Path) -> WorkTree:
        """Somebody's clone of it, to push from."""
        return WorkTree(directory, str(repository.git))

    def app(self, *, installed: Mapping[str, set[str] | None], **about: Any) -> tuple[App, str]:
        """Make an app and its private key in PEM.

        :param installed: at which accounts, with which repositories; None for all.
        """
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        made = App(self.next_id(), public.decode(), {**PERMISSIONS}, [*EVENTS], **about)
        for account, names in installed.items():
            self.install(made, account, names)
        self.apps[made.id] = made
        return made, private.decode()

    def install(self, app: App, account: str, names: set[str] | None = None) -> Installation:
        """Install an app at an account, with all repositories or with those of these full names."""
        chosen = None if names is None else {name.lower() for name in names}
        made = app.installations[account.lower()] = Installation(self.next_id(), account, chosen)
        return made

    def oauth_app(self, callback: str) -> OAuthApp:
        """Make an OAuth app; people who log in are sent back to `callback`, or below it."""
        made = OAuthApp(f"Ov23li{secrets.token_hex(7)}", secrets.token_hex(20), callback)
        self.oauth_apps[made.client_id] = made
        return made

    # What goes wrong

    def trouble(self, status: int, path: str = ".*", **about: Any) -> None:
        """Have what matches a path answered with this status."""
        self.troubles.append(Trouble(re.compile(path), status, **about))

    def slow(self, seconds: float, path: str = ".*", times: int | None = None) -> None:
        """Have what matches a path answered late."""
        self.troubles.append(Trouble(re.compile(path), None, times, seconds=seconds))

    def drop(self, path: str = ".*", times: int | None = None) -> None:
        """Have the connection end where an answer is waited for."""
        self.troubles.append(Trouble(re.compile(path), None, times, drop=True))

    def secondary_limit(self, seconds: int = 60, path: str = ".*", times: int | None = None) -> None:
        """Have what matches a path refused for being too much at once, until `seconds` later."""
        self.trouble(403, path, times=times, message=_SECONDARY, headers={"Retry-After": str(seconds)})

    def exhaust(self, who: str, kind: str = "core", *, reset_in: float = 3600, refusal: int = 403) -> None:
        """Use up the points of somebody: `alice`, `installation-7`, `app-7`, `nobody`."""
        limit = self.limit(who, kind)
        limit.used, limit.reset, limit.refusal = limit.limit, self.now().timestamp() + reset_in, refusal

    def revoke(self, token: Token) -> None:
        """End a token."""
        self.tokens.pop(token.value, None)

    # Webhooks

    def deliver(
        self,
        event: str,
        url: str,
        secret: str,
        *,
        action: str = "",
        repository: Repository | None = None,
        app: App | None = None,
        sender: Person | None = None,
        changes: Mapping[str, Any] | None = None,
        id: str = "",
        times: int = 1,
        form: bool = False,
    ) -> list[httpx.Response]:
        """Send a webhook, a published payload about what there is here, and answer what came back each time.

        :param changes: what is otherwise in the payload.
        :param times: how often the same delivery is sent.
        """
        at = app.installations.get(repository.owner.lower()) if app and repository else None
        body = deliveries.payload(event, action, repository=repository, installation=at, sender=sender, changes=changes)
        data, headers = deliveries.request(event, body, secret, id=id, app=app, form=form)
        answers = [httpx.post(url, content=data, headers=headers, timeout=10) for _ in range(times)]
        if app:
            app.deliveries[:0] = [self._delivery(headers, body, each) for each in answers]
        return answers

    def _delivery(self, headers: Mapping[str, str], body: Mapping[str, Any], answer: httpx.Response) -> dict[str, Any]:
        """A delivery as the app's list of them has it."""
        return {
            "id": self.next_id(),
            "guid": headers["X-GitHub-Delivery"],
            "delivered_at": self.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "redelivery": False,
            "duration": answer.elapsed.total_seconds(),
            "status": answer.reason_phrase,
            "status_code": answer.status_code,
            "event": headers["X-GitHub-Event"],
            "action": body.get("action"),
            "installation_id": body.get("installation", {}).get("id"),
            "repository_id": body.get("repository", {}).get("id"),
        }
