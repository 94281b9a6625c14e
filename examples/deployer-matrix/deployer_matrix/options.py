"""What a declaration says of a room."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from core import api

Kind = Literal["waiting", "running", "succeeded", "recovered", "failed", "cancelled", "unhealthy", "drifted"]


def _homeserver(value: str) -> str:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("it is no address: `https://matrix.example.org`") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0 or re.search(r"[^!-~]", value):
        raise ValueError("it is an address that begins with `https://`")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("it is an address alone, without a name, a password or a query")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise ValueError("the access token would travel where others can read it: it begins with `https://`")
    return value.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _room(value: str) -> str:
    if not re.fullmatch(r"![^\s\0]+|#[^\s\0:]+:[^\s\0]+", value) or len(value.encode()) > 255:
        raise ValueError("it is an alias, `#deployments:example.org`, or an id, `!…`")
    return value


class MatrixOptions(api.Options):
    """Where it is said, and what."""

    homeserver: Annotated[str, AfterValidator(_homeserver)] = Field(
        description="Where the homeserver answers clients: `https://matrix.example.org`."
    )
    room: Annotated[str, AfterValidator(_room)] = Field(
        description="The room's alias (`#deployments:example.org`) or its id (`!…`)."
    )
    # The homeserver named above gets to see it: a declaration must not be able to send it just any secret.
    token: str = Field(
        "matrix_token",
        pattern=r"^matrix[A-Za-z0-9_]*$",
        max_length=100,
        description="The secret that holds the bot's access token; its name begins with `matrix`.",
    )
    say: tuple[Kind, ...] = Field(
        ("waiting", "running", "succeeded", "recovered", "failed", "cancelled", "unhealthy", "drifted"),
        description="What begins a message; one that is there is always kept up to date.",
    )
