"""Asking a service from outside whether it is well, as its declaration says (`core.pipeline.declaration.HealthCheck`)."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import httpx

from core.pipeline.declaration import HealthCheck
from core.pipeline.inventory import public_url

#: Bytes of an answer in which a text is looked for.
_MOST = 1 << 20
_AGENT = {"User-Agent": "deployer health check"}
_REMEDY = "where it has to be asked at another address from a runner, change `uri` of the service's `check`"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a service is well, and a sentence without its stop."""

    well: bool
    words: str


class _Unlike(Exception):  # noqa: N818  it becomes an answer
    """The answer is not the one that is asked for; says how."""


def address_of(check: HealthCheck, uri: str) -> str:
    """What is asked.

    :param uri: where people find the service.
    """
    base = check.uri or public_url(uri)
    return base if base.startswith("tcp://") or not check.path else urljoin(base, check.path)


def words(check: HealthCheck | None, uri: str) -> str:
    """What is asked, for people; empty where nothing is."""
    if check is None:
        return ""
    address = _shown(address_of(check, uri))
    if address.startswith("tcp://"):
        return f"Asked from outside: {address} has to take connections."
    text = f" with the text {check.text[:100]!r}" if check.text else ""
    return f"Asked from outside: {address} has to answer {check.status}{text}."


async def ask(check: HealthCheck, uri: str) -> Answer:
    """Ask once. Whatever goes wrong is an answer.

    :param uri: where people find the service.
    """
    address = address_of(check, uri)
    shown = _shown(address)
    try:
        async with asyncio.timeout(check.timeout):
            return Answer(well=True, words=f"{shown} {await _asked(check, address)}")
    except _Unlike as error:
        return Answer(well=False, words=f"{shown} {error}")
    except TimeoutError:
        why = f"does not answer within {check.timeout} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        why = f"does not answer: {_said(error)}"
    return Answer(well=False, words=f"{shown} {why}; {_REMEDY}")


async def _asked(check: HealthCheck, address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme == "tcp":
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.close()
        return "takes connections"
    context = ssl.create_default_context()
    if not check.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # What the environment says of proxies and passwords (.netrc) is not meant for whoever is asked here.
    async with httpx.AsyncClient(verify=context, headers=_AGENT, trust_env=False, timeout=check.timeout) as client:
        return await _answered(client, check, address)


async def _answered(client: httpx.AsyncClient, check: HealthCheck, address: str) -> str:
    request = client.build_request("GET", address)
    scheme, left = request.url.scheme, check.redirects
    while True:
        response = await client.send(request, stream=True)
        try:
            if response.next_request is None or not left:
                return await _judged(check, response)
        finally:
            await response.aclose()
        request, left = response.next_request, left - 1
        if request.url.scheme != scheme:
            raise _Unlike(f"redirects from {scheme} to {request.url.scheme}, where nobody follows")


async def _judged(check: HealthCheck, response: httpx.Response) -> str:
    if response.status_code != check.status:
        raise _Unlike(f"answers {response.status_code}, not {check.status}{_hint(check, response)}")
    if check.text and check.text.encode() not in await _begin(response):
        raise _Unlike(f"answers {response.status_code} without the text {check.text[:100]!r}")
    return f"answers {response.status_code}"


def _hint(check: HealthCheck, response: httpx.Response) -> str:
    if response.next_request is None:
        return ""
    return f": it redirects more than `redirects` allows ({check.redirects})"


async def _begin(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes(1 << 16):
        body += chunk
        if len(body) >= _MOST:
            break
    return body[:_MOST]


def _shown(address: str) -> str:
    """The address without a password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
