"""Asking an address on the web: as a gate, whose answer decides, and as a step.

The address is the operator's own declaration. Redirects are not followed, an answer is read no further than it needs to
be, and everything has a time limit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, Field

from core import api
from core.api import (
    Context,
    DeploymentFacts,
    DeploymentQuestion,
    Gate,
    GateOptions,
    Hold,
    OperationError,
    Step,
    StepOptions,
    StepRequest,
    secret,
    secret_file,
)
from plugins.gates.facts import values

#: Bytes of an answer that are read: more is not one.
_MOST = 65536
#: Characters of an answer that people are told.
_LONGEST = 300
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "deployer"}


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(ord(each) <= 32 for each in value):
        raise ValueError("it is an address that begins with `https://` or `http://`")
    if parts.username or parts.password:
        raise ValueError("no password in it, everybody can read it: use the option `token`")
    return value


Url = Annotated[str, AfterValidator(_address)]
Method = Literal["GET", "POST"]


class _Address(api.Options):
    """Who is asked, and how."""

    url: Url = Field(description="Where to ask.")
    method: Method = Field("POST", description="How: a POST carries the deployment as JSON.")
    token: str = Field(
        "", description="The secret that holds a token to send (`Authorization: Bearer …`); empty: none."
    )


class HttpGateOptions(_Address, GateOptions):
    """What is asked."""


class HttpStepOptions(_Address, StepOptions):
    """What is told."""


class HttpGate(Gate):
    """Asks an address: a status of 2xx lets the deployment go, unless its JSON says `{"allow": false, "reason": "…"}`."""

    kind = "http"
    Options = HttpGateOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, HttpGateOptions)
        return f"http {_host(options.url)}"

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        assert isinstance(options, HttpGateOptions)
        status, body = await _ask(question, options)
        return verdict(_host(options.url), status, body)


class HttpStep(Step):
    """Tells an address; a status other than 2xx is a failure. What it answers is in the job's log."""

    kind = "http"
    Options = HttpStepOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, HttpStepOptions)
        return f"http {_host(options.url)}"

    async def run(self, request: StepRequest, options: api.Options, context: Context) -> None:
        assert isinstance(options, HttpStepOptions)
        if token := _token(options.token):
            context.log.redact(token)
        status, body = await _ask(request, options)
        context.log.note(f"{options.method} {options.url}: {status}")
        if body:
            context.log.write(body.rstrip(b"\n") + b"\n")
        if not 200 <= status < 300:
            raise OperationError(f"{_host(options.url)} answered {status}{_after(_text(body))}")


def verdict(host: str, status: int, body: bytes) -> Hold | None:
    """What an answer means for a deployment."""
    told = _json(body)
    allow = told.get("allow") if isinstance(told, dict) else None
    reason = str(told.get("reason") or "") if isinstance(told, dict) else ""
    if not 200 <= status < 300:
        return _hold(host, f"{host} answered {status}{_after(reason or _text(body))}")
    if allow is None and not (isinstance(told, dict) and "allow" in told):
        return None
    if not isinstance(allow, bool):
        return _hold(host, f"{host} answered with an `allow` that is neither true nor false")
    return None if allow else _hold(host, f"{host} does not allow it{_after(reason)}")


def _hold(host: str, reason: str) -> Hold:
    return Hold(reason=reason, lifted_by=f"{host} itself")


async def _ask(facts: DeploymentFacts, options: HttpGateOptions | HttpStepOptions) -> tuple[int, bytes]:
    """Ask; answer the status and the beginning of the body.

    :raises OperationError: nobody answers.
    """
    headers: Mapping[str, str] = _HEADERS
    if token := _token(options.token):
        headers = {**_HEADERS, "authorization": f"Bearer {token}"}
    content = {"json": values(facts)} if options.method == "POST" else {}
    try:
        # Nothing of the environment: a proxy that was set for the deployer is not meant for this.
        async with (
            httpx.AsyncClient(timeout=options.timeout, follow_redirects=False, trust_env=False) as client,
            client.stream(options.method, options.url, headers=headers, **content) as answer,  # type: ignore[arg-type]
        ):
            return answer.status_code, await _beginning(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OperationError(f"{_host(options.url)} cannot be asked: {type(error).__name__} {error}".rstrip()) from None


async def _beginning(answer: httpx.Response) -> bytes:
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > _MOST:
            raise OperationError(f"{answer.url.host} answers with more than {_MOST} bytes")
    return body


def _token(name: str) -> str:
    """:raises OperationError: the secret is not there."""
    if not name:
        return ""
    if not (value := secret(name)):
        raise OperationError(f"the secret of the option `token` is not set: {secret_file(name)}")
    return value


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(body: bytes) -> str:
    text = body.decode(errors="replace").strip()
    return "" if text.startswith(("<", "{")) else text.partition("\n")[0][:_LONGEST]


def _after(words: str) -> str:
    return f": {words[:_LONGEST]}" if words else ""


def _host(url: str) -> str:
    """The host, with its port where that is not the usual one."""
    parts = urlsplit(url)
    return parts.netloc
