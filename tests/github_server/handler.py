"""The HTTP side: which part answers what, what goes wrong on the way, and Git."""

from __future__ import annotations

import json
import socket
import time
import uuid
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.testing.git_server import GitRequestHandler
from tests.github_server import graphql, rest
from tests.github_server.callers import Caller, caller
from tests.github_server.replies import Refusal, Reply
from tests.github_server.state import Request, Trouble

if TYPE_CHECKING:
    from tests.github_server.server import GitHub

REST, GRAPHQL, LOGIN = "/api/v3", "/api/graphql", "/login/"


class Handler(GitRequestHandler):
    """Answers one connection."""

    github: GitHub

    def do_GET(self) -> None:  # noqa: N802  http.server calls it so
        self._dispatch()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815  http.server calls them so

    def _dispatch(self) -> None:
        try:
            body = self._body()
        except ConnectionAbortedError:
            self.close_connection = True
            return None
        path = urlsplit(self.path).path
        asked = Request(self.command, path)
        self.github.requests.append(asked)
        trouble = self._trouble(path)
        if trouble and trouble.seconds:
            time.sleep(trouble.seconds)
        if trouble and trouble.drop:
            return self._drop()
        if trouble and trouble.status:
            said = Reply(trouble.status, {"message": trouble.message}, dict(trouble.headers))
            return self._say(asked, said)
        if path.startswith((f"{REST}/", LOGIN)) or path == GRAPHQL:
            with self.github.lock:
                said = self._reply(asked, path, body)
            return self._say(asked, said)
        return self._git(asked, path, body)

    def _reply(self, asked: Request, path: str, body: bytes) -> Reply:
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = urlsplit(self.path).query
        if path.startswith(LOGIN):
            return self.github.login.reply(asked, rest.Sent(self.github.url, self.command, path, query, headers, body))
        if path == GRAPHQL:
            return graphql.reply(
                self.github, asked, rest.Sent(self.github.url, self.command, path, query, headers, body)
            )
        url, inside = f"{self.github.url}{REST}", path.removeprefix(REST)
        return rest.reply(self.github, asked, rest.Sent(url, self.command, inside, query, headers, body))

    def _trouble(self, path: str) -> Trouble | None:
        with self.github.lock:
            for trouble in self.github.troubles:
                if trouble.times != 0 and trouble.path.search(path):
                    trouble.times = trouble.times and trouble.times - 1
                    return trouble
        return None

    def _drop(self) -> None:
        """End the connection in the middle of a request."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _say(self, asked: Request, reply: Reply) -> None:
        asked.status = reply.status
        text = isinstance(reply.body, str)
        data = b"" if reply.body is None else (reply.body if text else json.dumps(reply.body)).encode()
        self.send_response_only(reply.status)
        self.send_header("Date", format_datetime(self.github.now(), usegmt=True))
        self.send_header("X-GitHub-Request-Id", str(uuid.uuid4()))
        for name, value in {"Content-Type": "application/json; charset=utf-8", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    # Git

    def _git(self, asked: Request, path: str, body: bytes) -> None:
        asked.operation = "git"
        owner, _, after = path.lstrip("/").partition("/")
        name, _, inside = after.partition("/")
        try:
            repository = self._repository(asked, owner, name.removesuffix(".git"), writes="receive-pack" in self.path)
        except Refusal as refusal:
            said = {"Content-Type": "text/plain", **refusal.headers}
            return self._say(asked, Reply(refusal.status, str(refusal), said))
        query = f"?{address.query}" if (address := urlsplit(self.path)).query else ""
        found = self.github.find(owner, name.removesuffix(".git"))
        assert found
        if found.full_name.lower() != repository.lower():
            to = f"{self.github.url}/{found.full_name}.git/{inside}{query}"
            return self._say(asked, Reply(301, "", {"Location": to, "Content-Type": "text/plain"}))
        asked.status = 200
        self.path = f"/{found.git.name}/{inside}{query}"
        return self._serve(body)

    def _repository(self, asked: Request, owner: str, name: str, *, writes: bool) -> str:
        """The name under which a repository is asked for by Git, by somebody who may.

        :raises Refusal: a stranger is asked for a password, and not told whether there is such a repository.
        """
        challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
        try:
            who = caller(self.github, self.headers.get("Authorization", ""))
        except Refusal as refusal:
            raise Refusal(401, str(refusal), challenge) from None
        asked.who = who.name
        found = self.github.find(owner, name)
        if found is None or not self.github.sees(who.token, found) or (writes and who == Caller()):
            raise (
                Refusal(401, "No anonymous access", challenge)
                if who == Caller()
                else Refusal(404, "Repository not found.")
            )
        if who.token and who.token.installation and found.private:
            needed = "write" if writes else "read"
            if self.github.permission(who.token, "contents") not in (needed, "write"):
                raise Refusal(403, "Resource not accessible by integration")
        return f"{owner}/{name}"
