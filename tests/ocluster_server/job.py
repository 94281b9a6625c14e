"""A job that a worker has taken, as its `Job` object shows it: a log to be followed, a result, and a way to cancel it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

from tests.ocluster_server.encoding import Blob, Pointer, Struct, text
from tests.ocluster_server.messages import Refusal
from tests.ocluster_server.objects import NOTHING, Object, Outcome

#: Bytes that one read of a log brings at most (upstream's `max_chunk_size` in `worker/log_data.ml`).
CHUNK = 10240


class LogData:
    """A log that grows. A chunk ends wherever it is full: in the middle of a letter, too."""

    def __init__(self) -> None:
        self._data, self._closed = bytearray(), False
        self._changed: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._data)

    def write(self, data: bytes) -> None:
        self._data += data
        self._wake()

    def close(self) -> None:
        self._closed = True
        self._wake()

    def read(self, start: int) -> bytes | None:
        """What there is from there on, empty at the end of a closed log; None where one has to wait."""
        chunk = bytes(self._data[start : start + CHUNK])
        return chunk if chunk or self._closed else None

    async def changed(self) -> None:
        if self._changed is None:
            self._changed = asyncio.Event()
        await self._changed.wait()

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed:
            changed.set()


class Job(Object):
    """One job.

    :param on_cancel: is told once that nobody wants it any more.
    """

    interfaces = ("Job",)

    def __init__(self, on_cancel: Callable[[], None]) -> None:
        super().__init__()
        self.data = LogData()
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._on_cancel = on_cancel
        self._lost: Refusal | None = None

    def succeed(self, output: str) -> None:
        self.data.close()
        self.outcome.set_result(output)

    def fail(self, refusal: Refusal) -> None:
        self.data.close()
        self.outcome.set_exception(refusal)
        # Perhaps nobody asks.
        self.outcome.exception()

    def lose(self, refusal: Refusal) -> None:
        """Its worker is gone: whatever is asked, and was asked, ends with this."""
        self._lost = refusal
        self.fail(refusal)

    def released(self) -> None:
        self._on_cancel()

    def job_log(self, start: int) -> Outcome:
        if self._lost:
            raise self._lost
        if start < 0:
            start = max(0, len(self.data) + start)
        if start > len(self.data):
            # An exception in OCaml's handler; its text does not leave the server.
            raise Refusal("Internal error")
        chunk = self.data.read(start)
        return self._log_later(start) if chunk is None else _chunk(chunk, start)

    async def _log_later(self, start: int) -> Pointer:
        while (chunk := self.data.read(start)) is None:
            await self.data.changed()
        if self._lost:
            raise self._lost
        return _chunk(chunk, start)

    async def job_result(self) -> Pointer:
        return Struct(b"", (text(await asyncio.shield(self.outcome)),))

    def job_cancel(self) -> Outcome:
        self._on_cancel()
        return NOTHING


def _chunk(data: bytes, start: int) -> Pointer:
    return Struct(struct.pack("<q", start + len(data)), (Blob(data),))
