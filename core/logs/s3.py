"""Packed logs on a store that speaks Amazon's S3 protocol: MinIO, Ceph, Garage, R2, S3 itself.

A packed log is one object, named like its log with `.zst` after it. It is read by ranges (RFC 9110, 14), as many bytes at
once as reading on will need.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets as random
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from core import secrets
from core.buckets import Address
from core.errors import ConfigurationError, OperationError
from core.logs.packed import Kept, PackedLog
from core.logs.shelves import SUFFIX, Shelf
from core.values import Finding

#: Names of the secrets that say who we are.
KEY_ID, KEY = "log_store_key_id", "log_store_key"
#: Bytes that are asked for at once, and how many such parts are kept: 16 MB.
_PART, _PARTS_KEPT = 1 << 20, 16
#: Seconds in which a connection and an answer have to come, and in which one request is tried again.
_CONNECT, _ANSWER, _RETRY = "3s", "20s", 15
_RETRIES = 1
#: What the library adds to each error, and nobody needs.
_NOISE = re.compile(r"Generic S3 error: |Error performing | in [\d.]+[mµn]?s(?:, after [^-]*)?(?= -|$)")


class Bucket(Shelf):
    """Packed logs in a bucket."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def put(self, name: str, packed: Path) -> None:
        import obstore

        size = packed.stat().st_size
        with self._asking():
            client = self._client()
            obstore.put(client, _key(name), packed)
            # What another program may have done to it since is no concern: it is looked at before the file goes.
            if obstore.head(client, _key(name))["size"] != size:
                raise OperationError(f"{self.where(name)} is not what was written: see who else writes there")
        packed.unlink(missing_ok=True)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[PackedLog | None]:
        found = self._head(name)
        if found is None:
            yield None
            return
        size, etag = int(found["size"]), str(found["e_tag"])
        key = (str(self._address), name, size, etag)
        yield PackedLog(key, size, lambda offset, count: self._read(name, key, size, offset, count))

    def _head(self, name: str) -> Any:
        import obstore

        with self._asking():
            try:
                return obstore.head(self._client(), _key(name))
            except FileNotFoundError:
                return None

    def _read(self, name: str, key: Any, size: int, offset: int, count: int) -> bytes:
        """A part of an object: whole parts are asked for, in one request, and kept."""
        import obstore

        first, last = offset // _PART, (offset + max(count, 1) - 1) // _PART
        parts = {number: _parts.get((key, number)) for number in range(first, last + 1)}
        if missing := [number for number, part in parts.items() if part is None]:
            start, end = missing[0] * _PART, min(size, (missing[-1] + 1) * _PART)
            with self._asking():
                try:
                    data = bytes(obstore.get_range(self._client(), _key(name), start=start, end=end))
                except FileNotFoundError:
                    raise OperationError(f"{self.where(name)} was removed while it was read") from None
            for number in range(missing[0], missing[-1] + 1):
                part = data[(number - missing[0]) * _PART : (number - missing[0] + 1) * _PART]
                parts[number] = part
                _parts.put((key, number), part)
        whole = b"".join(part or b"" for part in parts.values())
        return whole[offset - first * _PART : offset - first * _PART + count]

    def remove(self, name: str) -> None:
        import obstore

        with self._asking(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._client(), _key(name))

    def sizes(self, directory: str) -> dict[str, int]:
        import obstore

        found: dict[str, int] = {}
        with self._asking():
            for page in obstore.list(self._client(), prefix=directory or None):
                sizes = {str(row["path"]): int(row["size"]) for row in page}
                found.update({key.removesuffix(SUFFIX): size for key, size in sizes.items() if key.endswith(SUFFIX)})
        return found

    def copy(self, name: str, to: IO[bytes]) -> None:
        import obstore

        with self._asking():
            for piece in obstore.get(self._client(), _key(name)).stream(min_chunk_size=_PART):
                to.write(piece)

    def where(self, name: str) -> str:
        return f"{self._address}/{_key(name)}"

    def check(self) -> Finding:
        import obstore

        key, words = f".probe-{random.token_hex(8)}", random.token_bytes(64)
        try:
            with self._asking():
                client = self._client()
                obstore.put(client, key, words)
                try:
                    same = bytes(obstore.get_range(client, key, start=16, end=48)) == words[16:48]
                finally:
                    obstore.delete(client, key)
        except (OperationError, ConfigurationError) as error:
            remedy = f"See to DEPLOYER_LOG_STORE and {secrets.secret_file(KEY)}. Until then logs stay on the disk."
            return Finding(level="error", text=str(error), remedy=remedy)
        if not same:
            return Finding(level="error", text=f"{self._address} gives other bytes than were written, or no ranges")
        return Finding(level="ok", text=f"{self._address}: something was written, read in part, and removed")

    def answers(self) -> None:
        self._head(".probe")

    def _client(self) -> Any:
        return _client(self._address, os.getpid())

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise OperationError(f"the log store has no bucket {self._address.bucket!r}: make it") from None
        except (BaseError, PermissionError, ValueError, OSError) as error:
            raise OperationError(f"the log store {self._address} does not do it: {_first_line(error)}") from None


def _key(name: str) -> str:
    return f"{name}{SUFFIX}"


@lru_cache(maxsize=2)
def _client(address: Address, _process: int) -> Any:
    """The client of a process: its threads do not come along when another is forked from it.

    It is imported where it is used: most installations need none of it.
    """
    from obstore.store import S3Store

    key_id, key = secrets.secret(KEY_ID), secrets.secret(KEY)
    if not (key_id and key):
        needed = secrets.secret_file(KEY_ID) if not key_id else secrets.secret_file(KEY)
        raise OperationError(f"the log store {address} needs a key: put it into {needed}")
    given: dict[str, Any] = {"endpoint": address.endpoint} if address.endpoint else {}
    return S3Store(
        address.bucket,
        prefix=address.prefix or None,
        region=address.region,
        access_key_id=key_id,
        secret_access_key=key,
        virtual_hosted_style_request=not address.endpoint,
        client_options={
            "allow_http": address.endpoint.startswith("http:"),
            "connect_timeout": _CONNECT,
            "timeout": _ANSWER,
        },
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY)},
        **given,
    )


def _first_line(error: BaseException) -> str:
    said = _NOISE.sub("", str(error).strip().partition("\n")[0])
    return said[:300].strip()


_parts: Kept[bytes] = Kept(_PARTS_KEPT)
