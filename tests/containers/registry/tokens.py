"""A token server by the distribution's specification (https://distribution.github.io/distribution/spec/auth/).

What it signs is checked by the real registry: with a certificate that the registry was given.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

from tests.docker_real import make_certificates
from tests.real import required

SERVICE, ISSUER = "the registry of the tests", "the tests"
USER, PASSWORD, IDENTITY = "ann", "sésame: open yourself", "an-identity-token"


@dataclass(slots=True)
class TokenServer:
    """A running one.

    :param url: the realm.
    :param directory: what signs, and `ca.pem`, which a registry has to be given.
    :param asked: the method and parameters of each request.
    :param public: whether everybody may read.
    :param answer: what to answer instead, a status and a body.
    :param seconds: how long a token is good for.
    """

    url: str
    directory: Path
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    public: bool = False
    answer: tuple[int, bytes] | None = None
    seconds: float = 60

    def settings(self) -> dict[str, object]:
        """The section `auth` of a registry's settings."""
        bundle = str(self.directory / "ca.pem")
        return {"token": {"realm": self.url, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle}}

    def allowed(self, scope: str, *, known: bool) -> list[dict[str, object]]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        granted = [each for each in actions.split(",") if known or (self.public and each == "pull")]
        return [{"type": kind, "name": name, "actions": granted}] if scope else []

    def token(self, scope: str, *, known: bool) -> str:
        """A JSON Web Token (RFC 7519), signed with the certificate's key."""
        lines = (self.directory / "server.pem").read_text().splitlines()
        header = {"typ": "JWT", "alg": "ES256", "x5c": ["".join(lines[1:-1])]}
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": USER if known else "", "aud": SERVICE, "jti": "1", "access": self.allowed(scope, known=known),
            "iat": now - 600, "nbf": now - 600, "exp": now + int(self.seconds),
        }  # fmt: skip
        signed = ".".join(_encoded(json.dumps(each).encode()) for each in (header, claims))
        words = [required("openssl", "openssl"), "dgst", "-sha256", "-sign", str(self.directory / "server.key")]
        made = subprocess.run(words, input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{_encoded(_raw(made))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _raw(signature: bytes) -> bytes:
    """The two numbers of a signature one after another (RFC 7518, section 3.4), from ASN.1 as openssl writes it."""
    length = signature[3]
    first, second = signature[4 : 4 + length], signature[6 + length :]
    return b"".join(int.from_bytes(each).to_bytes(32) for each in (first, second))


@contextmanager
def token_server(directory: Path, *, tls: bool = False) -> Iterator[TokenServer]:
    """Start one; behind TLS with a certificate of its own authority, if asked for."""
    directory.mkdir()
    make_certificates(directory)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = dict(parse_qsl(urlsplit(self.path).query))
            given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            self._answer(asked, known=given == f"{USER}:{PASSWORD}", wrong=given not in ("", f"{USER}:{PASSWORD}"))

        def do_POST(self) -> None:
            asked = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            known = asked.get("grant_type") == "refresh_token" and asked.get("refresh_token") == IDENTITY
            self._answer(asked, known=known, wrong=not known)

        def _answer(self, asked: dict[str, str], *, known: bool, wrong: bool) -> None:
            tokens.asked.append((self.command, asked))
            status, body = tokens.answer or (401, b"{}") if wrong else (tokens.answer or (200, b""))
            if status == 200 and not body:
                kind = "access_token" if self.command == "POST" else "token"
                body = json.dumps({kind: tokens.token(asked.get("scope", ""), known=known)}).encode()
            self.send_response(status)
            if status == 307:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(directory / "server.pem", directory / "server.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if tls else "http"
        tokens = TokenServer(f"{scheme}://127.0.0.1:{server.server_port}/token", directory)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield tokens
        finally:
            server.shutdown()
            thread.join()
