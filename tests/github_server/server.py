"""The stand-in's HTTP server: REST, GraphQL and Git at one address."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Mapping
from email.utils import format_datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from core.testing.git_server import GitRequestHandler, WorkTree, run_git
from tests.github_server import description, graphql, rest
from tests.github_server.state import App, Installation, Repository, Request, State, Token, Trouble

_REST, _GRAPHQL = "/api/v3", "/api/graphql"
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


class GitHub(State):
    """A GitHub of a test's own on 127.0.0.1. Use it as a context manager."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        root.mkdir(parents=True, exist_ok=True)
        handler = type("Handler", (_Handler,), {"root": root, "login": None, "github": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="github").start()
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
            chosen = None if names is None else {name.lower() for name in names}
            made.installations[account.lower()] = Installation(self.next_id(), account, chosen)
        self.apps[made.id] = made
        return made, private.decode()

    def trouble(self, status: int, path: str = ".*", **about: Any) -> None:
        """Have what matches a path answered with this status."""
        self.troubles.append(Trouble(re.compile(path), status, **about))


def signature(body: bytes, secret: str) -> str:
    """A webhook's signature, as GitHub makes it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class _Handler(GitRequestHandler):
    github: GitHub

    def do_GET(self) -> None:  # noqa: N802  http.server calls it so
        self._dispatch(b"")

    def do_POST(self) -> None:  # noqa: N802  http.server calls it so
        self._dispatch(self._body())

    def do_PATCH(self) -> None:  # noqa: N802  http.server calls it so
        self._dispatch(self._body())

    def _dispatch(self, body: bytes) -> None:
        path = urlsplit(self.path).path
        asked = Request(self.command, path, "", self._who())
        self.github.requests.append(asked)
        if trouble := self._trouble(path):
            asked.status = trouble.status
            self._say(trouble.status, {"message": trouble.message}, trouble.headers)
        elif path == _GRAPHQL:
            asked.operation = "graphql"
            asked.status = self._graphql(body)
        elif path.startswith(f"{_REST}/"):
            asked.status = self._rest(asked, path.removeprefix(_REST), body)
        else:
            asked.operation = "git"
            self._git(path, body)

    def _trouble(self, path: str) -> Trouble | None:
        for trouble in self.github.troubles:
            if trouble.times != 0 and trouble.path.search(path):
                trouble.times = trouble.times and trouble.times - 1
                return trouble
        return None

    # Who asks

    def _token(self) -> Token | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
        token = self.github.tokens.get(value)
        if token and token.expires_at and token.expires_at <= self.github.now():
            return None
        # A token dies with its installation.
        gone = token and token.installation and not self._is_installed(token.installation)
        return None if gone else token

    def _is_installed(self, installation: Installation) -> bool:
        return any(installation in app.installations.values() for app in self.github.apps.values())

    def _app(self) -> App | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return self.github.app_of(value) if scheme.lower() == "bearer" and value.count(".") == 2 else None

    def _who(self) -> str:
        token, app = self._token(), self._app()
        return token.login if token else f"app-{app.id}" if app else ""

    # Answers

    def _graphql(self, body: bytes) -> int:
        token = self._token()
        if token is None:
            return self._say(401, {"message": "Bad credentials"})
        limit = self.github.limit(token.login, "graphql")
        if limit.remaining <= 0:
            said = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
            return self._say(200, said, self._limits(token, "graphql"))
        answer = graphql.execute(self.github, token, self.github.url, json.loads(body))
        return self._say(200, answer, self._limits(token, "graphql"))

    def _rest(self, asked: Request, path: str, body: bytes) -> int:
        found = description.find(self.command, path)
        if found is None:
            self.github.violations.append(f"GitHub has no {self.command} {path}")
            return self._say(404, {"message": "Not Found"})
        operation, parameters = found
        asked.operation = operation.id
        query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        given = json.loads(body) if body else None
        if faults := description.request_faults(operation, query, given):
            self.github.violations += faults
            return self._say(422, {"message": "Validation Failed", "errors": faults})
        token, app = self._token(), self._app()
        if self.headers.get("Authorization") and not token and not app:
            return self._say(401, {"message": "Bad credentials"})
        who = token.login if token else "nobody"
        limit = self.github.limit(who, "core")
        if limit.remaining <= 0:
            return self._say(403, {"message": f"API rate limit exceeded for {who}."}, self._limits(token, "core"))
        return self._answer(rest.Call(self.github, operation, parameters, query, given or {}, token, app))

    def _answer(self, call: rest.Call) -> int:
        headers = self._limits(call.token, "core")
        try:
            status, body = rest.answer(call)
        except rest.Refusal as refusal:
            self.github.limit(call.token.login if call.token else "nobody", "core").used += 1
            return self._say(refusal.status, {"message": str(refusal)}, headers)
        if faults := description.answer_faults(call.operation, status, body):
            self.github.violations += [f"the stand-in's own answer: {fault}" for fault in faults]
        etag = '"' + hashlib.sha256(json.dumps(body).encode()).hexdigest() + '"'
        if self.command == "GET" and self.headers.get("If-None-Match") == etag:
            return self._say(304, None, headers)
        self.github.limit(call.token.login if call.token else "nobody", "core").used += 1
        return self._say(status, body, {**self._limits(call.token, "core"), "ETag": etag})

    def _limits(self, token: Token | None, kind: str) -> dict[str, str]:
        limit = self.github.limit(token.login if token else "nobody", kind)
        return {
            "X-RateLimit-Limit": str(limit.limit),
            "X-RateLimit-Remaining": str(limit.remaining),
            "X-RateLimit-Used": str(limit.used),
            "X-RateLimit-Reset": str(int(limit.reset)),
            "X-RateLimit-Resource": kind,
        }

    def _say(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> int:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.github.now(), usegmt=True))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        return status

    def _git(self, path: str, body: bytes) -> None:
        owner, _, rest_of = path.lstrip("/").partition("/")
        name, _, inside = rest_of.partition("/")
        repository = self.github.find(owner, name.removesuffix(".git"))
        if repository is None or not self.github.sees(self._token(), repository):
            # GitHub does not tell a stranger whether there is such a repository.
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        query = urlsplit(self.path).query
        self.path = f"/{repository.git.name}/{inside}" + (f"?{query}" if query else "")
        self._serve(body)
