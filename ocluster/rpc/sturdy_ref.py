"""The address of an object that outlives connections: what is in a capability file. Pure.

`capnp://sha-256:DIGEST@HOST:PORT/SERVICE`, or a Unix socket's path in place of host and port; `capnp://insecure@…` has no TLS.
Digest and service are base64 in the alphabet for URLs, without padding. Source: capnp-rpc's `Capnp_rpc_unix.Sturdy_ref`.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
#: Bytes of a SHA-256.
_DIGEST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SturdyRef:
    """Where an object is, and what proves that we may use it.

    :param socket: path of a Unix socket; then host and port are empty.
    :param fingerprint: SHA-256 of the server's public key; None for a connection without TLS.
    :param service: the object's id, which is the secret.
    """

    host: str = ""
    port: int = 0
    socket: str = ""
    fingerprint: bytes | None
    service: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one.

        :raises ValueError: it is none; the text says what is wrong and holds nothing secret.
        """
        url = _split(text.strip())
        if url.scheme != "capnp":
            raise ValueError("it has to begin with `capnp://`")
        fingerprint = _fingerprint(url)
        path = unquote(url.path)
        host, port = _place(url)
        if host:
            service = path.removeprefix("/")
            return cls(host=host, port=port, fingerprint=fingerprint, service=decode(service, "the service's id"))
        socket, _, service = path.rpartition("/")
        if not socket:
            raise ValueError("it names neither a host nor a socket")
        return cls(socket=socket, fingerprint=fingerprint, service=decode(service, "the service's id"))

    @property
    def where(self) -> str:
        """The server, for sentences."""
        if self.socket:
            return self.socket
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        how = "insecure" if self.fingerprint is None else f"sha-256:{encode(self.fingerprint)}"
        return f"capnp://{how}@{self.where}/{encode(self.service)}"


def encode(data: bytes) -> str:
    """Write bytes as sturdy refs do."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str, what: str) -> bytes:
    """Read bytes as sturdy refs write them.

    :param what: what it is, for the error.
    :raises ValueError: it is not base64. Python's own decoder skips what it does not know, and would read half of it.
    """
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError(f"{what} is not base64 of letters, digits, `-` and `_`: was it copied in full?")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _split(text: str) -> SplitResult:
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("it has to be one line without spaces")
    try:
        return urlsplit(text)
    except ValueError:
        raise ValueError("it is no address") from None


def _fingerprint(url: SplitResult) -> bytes | None:
    kind, digest = unquote(url.username or ""), unquote(url.password or "")
    if kind == "insecure" and url.password is None:
        return None
    if kind != "sha-256" or not digest:
        raise ValueError("it has to tell the server's fingerprint: `capnp://sha-256:DIGEST@…`")
    fingerprint = decode(digest, "the fingerprint")
    if len(fingerprint) != _DIGEST:
        raise ValueError(f"the fingerprint has {len(fingerprint)} bytes instead of {_DIGEST}: was it copied in full?")
    return fingerprint


def _place(url: SplitResult) -> tuple[str, int]:
    try:
        host, port = url.hostname or "", url.port or 0
    except ValueError:
        raise ValueError("its port is no number from 1 to 65535") from None
    if host and not port:
        raise ValueError("it has to tell the port: `…@HOST:PORT/…`")
    return host, port
