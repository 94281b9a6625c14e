"""Addresses of places in a store that speaks Amazon's S3 protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_WANTED = "it must be like `s3://bucket/prefix?endpoint=https://s3.example.org&region=us-east-1`"


@dataclass(frozen=True, slots=True)
class Address:
    """`s3://bucket/prefix?endpoint=https://…&region=…`."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        :raises ValueError: it is none; says how one is written.
        """
        url = urlsplit(text)
        given = parse_qs(url.query, keep_blank_values=True)
        prefix = url.path.strip("/")
        if url.scheme != "s3" or not _BUCKET.fullmatch(url.netloc) or (prefix and not _PREFIX.fullmatch(prefix)):
            raise ValueError(_WANTED)
        if unknown := given.keys() - {"endpoint", "region"}:
            raise ValueError(f"it has {min(unknown)!r}, which nobody knows: {_WANTED}")
        values = {name: words[-1] for name, words in given.items() if words[-1]}
        endpoint = urlsplit(values.get("endpoint", ""))
        if values.get("endpoint") and (endpoint.scheme not in ("http", "https") or not endpoint.hostname):
            raise ValueError(f"its endpoint is no address: {_WANTED}")
        if endpoint.username or endpoint.password:
            raise ValueError("its endpoint has a password: put it into the secret `log_store_key`")
        return cls(url.netloc, prefix, **values)

    def __str__(self) -> str:
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")
