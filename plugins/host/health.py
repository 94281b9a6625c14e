"""Asking a service over HTTP whether it is well."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Seconds that one answer may take, and between two questions.
_ANSWER, _INTERVAL = 5.0, 0.05
#: Seconds and bytes that are given to the body of a bad answer.
_REST, _MOST = 0.5, 500
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said, or why it did not.

    :param detail: a short clause: `answered 503`, `did not answer in 5 s`.
    :param body: the beginning of a bad answer, as one line.
    :param hopeless: asking again will not help.
    """

    healthy: bool
    detail: str
    body: str = ""
    hopeless: bool = False


async def ask(url: str, *, seconds: float = _ANSWER) -> Answer:
    """Ask once. 2xx and 3xx are healthy."""
    try:
        async with asyncio.timeout(seconds):
            return await _get(url)
    except TimeoutError:
        return Answer(healthy=False, detail=f"did not answer in {seconds:g} s")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Answer(healthy=False, detail="answered something that is not HTTP")
    except OSError as error:
        return Answer(healthy=False, detail=f"does not answer ({error.strerror or error})")


async def wait(ask_again: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
    """Ask until the answer is healthy or hopeless; the last one when the time is over."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        answer = await ask_again()
        if answer.healthy or answer.hopeless or asyncio.get_running_loop().time() >= deadline:
            return answer
        await asyncio.sleep(_INTERVAL)


async def _get(url: str) -> Answer:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
    try:
        path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        headers = f"Host: {address.netloc}\r\nUser-Agent: deployer\r\nAccept: */*\r\nConnection: close\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
        status = _STATUS.match(await reader.readuntil(b"\r\n\r\n"))
        if not status:
            return Answer(healthy=False, detail="answered something that is not HTTP")
        healthy = 200 <= int(status[1]) < 400
        return Answer(healthy, f"answered {int(status[1])}", "" if healthy else await _beginning(reader))
    finally:
        writer.close()


async def _beginning(reader: asyncio.StreamReader) -> str:
    """The beginning of a body: as much as comes soon, as one line that a terminal or a page can show."""
    body = b""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_REST):
            while len(body) < _MOST and (chunk := await reader.read(_MOST)):
                body += chunk
    line = " ".join(body[:_MOST].decode(errors="replace").split())
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line)
