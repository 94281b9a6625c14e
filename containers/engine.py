"""The HTTP API of a Docker engine (docs.docker.com/reference/api/engine), over a socket, TCP with TLS, or ssh.

Asynchronous, so that hundreds of services can be followed by one event loop and every question can be cancelled; the
Docker SDK for Python blocks a thread for each.
"""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from containers import hosts, tunnels
from containers.hosts import Endpoint
from core.api import OperationError, Stalled

#: The version of the API that is asked for, of Docker 20.10; an engine that begins later is asked for its oldest.
WANTED = (1, 41)
#: Seconds for a connection, and for an answer that is not a stream.
_CONNECT, _ANSWER = 10.0, 60.0


class EngineRefused(OperationError):  # noqa: N818  what it says, and not that the connection failed
    """An engine refused what was asked.

    :param status: its HTTP status; 0 where the refusal came within a stream.
    """

    def __init__(self, where: str, status: int, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.status = status
        self.message = message


class Engine:
    """A connection to one engine. Make it with `connect`."""

    def __init__(self, client: httpx.AsyncClient, where: str, environment: Mapping[str, str], key: str) -> None:
        self._client = client
        self._version = ""
        #: Tells it from others, in a file's name.
        self.key = key
        #: How people call it.
        self.where = where
        #: What Docker's command line has to be told to reach the same engine.
        self.environment = environment

    async def ask(self, path: str, **params: Any) -> Any:
        """Get something; None where it is not there.

        :raises OperationError: the engine does not answer, or refuses.
        """
        try:
            return (await self._send("GET", path, params=params)).json()
        except EngineRefused as error:
            if error.status == 404:
                return None
            raise
        except ValueError as error:
            raise OperationError(f"{self.where} answered what is not JSON: {error}") from None

    async def do(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Change something; answers what the engine answered, None for nothing.

        :raises EngineRefused: it was refused, also because it is not there.
        :raises OperationError: the engine does not answer.
        """
        answer = await self._send(method, path, params=params or {}, json=body, headers=headers)
        return answer.json() if answer.content.strip() else None

    async def raw(self, path: str, *, params: Mapping[str, Any] | None = None, limit: int = 1 << 20) -> bytes:
        """Get bytes, at most so many.

        :raises EngineRefused: it was refused, also because it is not there.
        :raises OperationError: the engine does not answer.
        """
        kept = b""
        async for chunk in self.chunks("GET", path, params=params or {}):
            kept += chunk
            if len(kept) >= limit:
                break
        return kept[:limit]

    async def lines(
        self, method: str, path: str, *, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Follow a stream of JSON objects, one a line, until it ends.

        :raises EngineRefused: one of them is an error.
        :raises OperationError: the engine does not answer.
        """
        rest = b""
        async for chunk in self.chunks(method, path, params=params, headers=headers):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if message := self._message(line):
                    yield message
        if message := self._message(rest):
            yield message

    def _message(self, line: bytes) -> dict[str, Any]:
        if not line.strip():
            return {}
        try:
            message = json.loads(line)
        except ValueError:
            raise OperationError(f"{self.where} answered what is not JSON: {line[:200]!r}") from None
        if isinstance(message, dict) and message.get("error"):
            raise EngineRefused(self.where, 0, str(message["error"]))
        return message if isinstance(message, dict) else {}

    async def chunks(
        self, method: str, path: str, *, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[bytes]:
        """Follow a stream of bytes until it ends.

        :raises EngineRefused: it was refused, also because it is not there.
        :raises OperationError: the engine does not answer.
        """
        url = f"/v{await self.version()}{path}"
        timeout = httpx.Timeout(_ANSWER, connect=_CONNECT, read=None)
        with self._told():
            async with self._client.stream(
                method, url, params=_params(params), headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    self._check(answer)
                async for chunk in answer.aiter_bytes():
                    yield chunk

    async def version(self) -> str:
        """The version of the API that is spoken.

        :raises Stalled: the engine is too old.
        """
        if not self._version:
            with self._told():
                answer = await self._client.get("/version")
            self._check(answer)
            self._version = self._choose(answer)
        return self._version

    def _choose(self, answer: httpx.Response) -> str:
        try:
            told = answer.json()
            newest, oldest = _number(told["ApiVersion"]), _number(told.get("MinAPIVersion", "1.12"))
        except (ValueError, KeyError, TypeError):
            raise OperationError(
                f"{self.where} does not answer as a Docker engine does: {answer.text[:100]!r}"
            ) from None
        if newest < WANTED:
            raise Stalled(f"{self.where} is Docker {told.get('Version', '')}, which is too old: 20.10 is needed")
        return ".".join(map(str, max(WANTED, oldest)))

    async def _send(self, method: str, path: str, *, params: Mapping[str, Any], **more: Any) -> httpx.Response:
        url = f"/v{await self.version()}{path}"
        with self._told():
            answer = await self._client.request(method, url, params=_params(params), **more)
        self._check(answer)
        return answer

    def _check(self, answer: httpx.Response) -> None:
        if answer.status_code < 400:
            return
        try:
            message = str(answer.json()["message"])
        except (ValueError, KeyError, TypeError):
            message = answer.text.strip()[:500] or f"status {answer.status_code}"
        raise EngineRefused(self.where, answer.status_code, message)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Tell a fault of the connection in words."""
        try:
            yield
        except httpx.TimeoutException:
            raise OperationError(f"{self.where} does not answer in time") from None
        except (httpx.HTTPError, OSError) as error:
            raise OperationError(f"{self.where} does not answer: {error or type(error).__name__}") from None


@contextlib.asynccontextmanager
async def connect(host: str) -> AsyncIterator[Engine]:
    """Connect to the engine of a host (`containers.hosts.find`). Whether it answers is found out by asking.

    :raises ConfigurationError: the host is none.
    :raises OperationError: ssh cannot reach it.
    """
    endpoint = hosts.find(host)
    key = sha256(endpoint.url.encode()).hexdigest()[:16]
    where = f"the engine of {host}" if host else "the engine of this host"
    async with contextlib.AsyncExitStack() as stack:
        if endpoint.url.startswith("ssh://"):
            tunnel = await stack.enter_async_context(tunnels.tunnel(endpoint.url))
            endpoint = Endpoint(url=f"unix://{tunnel.socket}", origin=endpoint.origin)
        client = await stack.enter_async_context(_client(endpoint))
        yield Engine(client, where, _environment(endpoint), key)


def _client(endpoint: Endpoint) -> httpx.AsyncClient:
    timeout = httpx.Timeout(_ANSWER, connect=_CONNECT)
    parts = urlsplit(endpoint.url)
    if parts.scheme == "unix":
        # The host's name in the address has no meaning there, but HTTP wants one.
        transport = httpx.AsyncHTTPTransport(uds=parts.path, verify=False)
        return httpx.AsyncClient(transport=transport, base_url="http://engine", timeout=timeout, trust_env=False)
    scheme = "https" if endpoint.certificates else "http"
    verify = _tls(endpoint) if endpoint.certificates else False
    return httpx.AsyncClient(base_url=f"{scheme}://{parts.netloc}", verify=verify, timeout=timeout, trust_env=False)


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    directory = endpoint.certificates or Path()
    try:
        authority = directory / "ca.pem"
        context = ssl.create_default_context(cafile=authority if authority.exists() else None)
        if not endpoint.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if (directory / "cert.pem").exists():
            context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    except (OSError, ssl.SSLError) as error:
        raise Stalled(f"the certificates in {directory} cannot be used: {error}") from None
    return context


def _environment(endpoint: Endpoint) -> dict[str, str]:
    environment = {"DOCKER_HOST": endpoint.url}
    if endpoint.certificates:
        environment |= {"DOCKER_TLS": "1", "DOCKER_CERT_PATH": str(endpoint.certificates)}
        environment |= {"DOCKER_TLS_VERIFY": "1"} if endpoint.verify else {}
    return environment


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Query parameters as the API reads them: filters as JSON, booleans as words."""
    return {name: json.dumps(value) if isinstance(value, (dict, bool)) else value for name, value in params.items()}
