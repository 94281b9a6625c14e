"""A real Git server over HTTP, and an author who pushes to it: for tests, and for the demo.

`git http-backend` (part of git) does the work as a CGI program; this is the HTTP server in front of it (RFC 3875).
"""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

_PLAIN = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
_AUTHOR = {
    "GIT_AUTHOR_NAME": "A. Author",
    "GIT_AUTHOR_EMAIL": "author@example.org",
    "GIT_COMMITTER_NAME": "A. Author",
    "GIT_COMMITTER_EMAIL": "author@example.org",
}


class GitServer:
    """Serves the bare repositories under `root`. Use it as a context manager.

    :param port: 0 for any that is free.
    :param address: of this host, where it is found.
    :param login: `user:password` that it asks for; None to ask for nothing.
    """

    def __init__(self, root: Path, *, port: int = 0, login: str | None = None, address: str = "127.0.0.1") -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        handler = type("Handler", (GitRequestHandler,), {"root": root, "login": login})
        self._server = ThreadingHTTPServer((address, port), handler)
        self._address = address
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True, name="git server").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def url(self, name: str) -> str:
        """Where a repository is found."""
        return f"http://{self._address}:{self.port}/{name}.git"

    def create(self, name: str, *, default_branch: str = "main") -> Path:
        """Make an empty repository."""
        path = self.root / f"{name}.git"
        run_git("init", "--bare", "--quiet", f"--initial-branch={default_branch}", str(path))
        run_git("config", "http.receivepack", "true", cwd=path)
        run_git("config", "receive.denyDeleteCurrent", "ignore", cwd=path)
        return path


class GitRequestHandler(BaseHTTPRequestHandler):
    """Answers Git over HTTP by `git http-backend`."""

    root: Path
    login: str | None
    protocol_version = "HTTP/1.1"
    # Otherwise a body waits for an acknowledgement of the headers, which takes 40 ms.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: whoever wants to know asks git."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b"".join(iter(self._chunk, b""))
        else:
            size = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(size)
            if len(data) < size:
                # Whoever asked was killed in the middle: as with any server, that was no request.
                raise ConnectionAbortedError("the request was cut off")
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        data = self.rfile.read(size)
        self.rfile.readline()
        return data

    def _serve(self, body: bytes) -> None:
        if (
            self.login
            and self.headers.get("Authorization") != "Basic " + base64.b64encode(self.login.encode()).decode()
        ):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=self._environment(), capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _environment(self) -> dict[str, str]:
        address = urlsplit(self.path)
        return {
            **_PLAIN,
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": unquote(address.path),
            "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "REMOTE_USER": "author",
            "REMOTE_ADDR": "127.0.0.1",
        }


class WorkTree:
    """Somebody's clone of a repository, to commit in and push from."""

    def __init__(self, path: Path, url: str, *, branch: str = "main") -> None:
        self.path = path
        run_git("init", "--quiet", f"--initial-branch={branch}", str(path))
        run_git("remote", "add", "origin", url, cwd=path)

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, message: str) -> str:
        """Commit everything, and answer the commit's hash."""
        run_git("add", "--all", cwd=self.path)
        run_git("commit", "--quiet", "--allow-empty", "--file=-", cwd=self.path, stdin=message)
        return self.commit_hash()

    def commit_hash(self) -> str:
        """The hash of the commit that is checked out."""
        return run_git("rev-parse", "HEAD", cwd=self.path).strip()

    def branch(self, name: str, *, start: str = "HEAD") -> None:
        """Make a branch and switch to it."""
        run_git("switch", "--quiet", "--create", name, start, cwd=self.path)

    def switch(self, name: str) -> None:
        run_git("switch", "--quiet", name, cwd=self.path)

    def reset(self, commit: str) -> None:
        """Rewrite the branch so that this commit is its head."""
        run_git("reset", "--quiet", "--hard", commit, cwd=self.path)

    def push(self, *refspecs: str, force: bool = False) -> None:
        """Push; `:name` deletes."""
        run_git("push", "--quiet", *(["--force"] if force else []), "origin", "--", *refspecs, cwd=self.path)


def run_git(*words: str, cwd: Path | None = None, stdin: str = "") -> str:
    """Run git as an author would, without anybody's configuration.

    :raises subprocess.CalledProcessError: it failed; what it said is in `stderr`.
    """
    environment = {**os.environ, **_PLAIN, **_AUTHOR}
    done = subprocess.run(
        ["git", *words], cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout
