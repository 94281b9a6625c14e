"""Putting a unikernel in the place of another, and the other back if it does not hold."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from core.api import Log, OperationError
from plugins.albatross.client import RefusedError
from plugins.albatross.commands import Configuration
from plugins.albatross.host import Host
from plugins.albatross.replies import Info

#: Seconds between looks at whether it still runs, and that the last words of one that ended are waited for.
_LOOK, _LAST_WORDS = 1.0, 2.0


class NotMovedError(OperationError):
    """The service runs something else than it should.

    :param running: whether what ran before does.
    """

    def __init__(self, reason: str, *, running: bool) -> None:
        super().__init__(reason)
        self.running = running


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An image, and how it is run.

    :param sha256: of the image.
    :param release: the digest of the release that it is of; None where nobody knows.
    """

    image: bytes
    release: str | None
    sha256: str
    configuration: Configuration


class Move:
    """Moves one unikernel.

    :param seen: what runs before.
    :param former: what to go back to; None where there is nothing.
    :param settle: seconds that the new one has to run.
    """

    def __init__(
        self, host: Host, seen: Info | None, former: Program | None, log: Log, *, settle: float, compression: int
    ) -> None:
        self._host, self._seen, self._former = host, seen, former
        self._log, self._settle, self._compression = log, settle, compression

    async def to(self, program: Program, *, started: bool = False) -> None:
        """Return once the new one has run for as long as it should.

        :param started: it was, by an attempt before this one.
        :raises NotMovedError: it was not moved; what was there before runs again, if that could be done.
        :raises OperationError: nobody can tell.
        """
        try:
            if not started:
                await self._start(program)
            await self._settles(program.sha256)
        except OperationError as error:
            raise await self._back(error) from None

    async def _settles(self, sha256: str) -> None:
        """See that an image goes on running, with its console in the log.

        :raises OperationError: it does not, or nobody can tell.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settle
        first = await self._running(sha256, None)
        listening = asyncio.create_task(self._listen(first))
        try:
            while (left := end - loop.time()) > 0:
                await asyncio.sleep(min(_LOOK, left))
                await self._running(sha256, first)
        except OperationError:
            # What it said at its end is on its way.
            await asyncio.wait({listening}, timeout=_LAST_WORDS)
            raise
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _start(self, program: Program) -> None:
        if self._seen and self._seen.sha256 == program.sha256:
            self._log.note(f"the host has the image: starting it again, as is declared now ({_told(program)})")
            await self._host.restart(program.configuration)
            return
        size = f"{len(program.image):,} bytes"
        self._log.note(f"sending {size} to {self._host.client.address} ({_told(program)})")
        await self._host.run(program.image, program.configuration, compression=self._compression)

    async def _running(self, sha256: str, since: datetime | None) -> datetime | None:
        """See that an image runs, since that moment if one is given; answer since when."""
        info = await self._host.info()
        if info is None:
            if since is None:
                await self._last_words()
            raise OperationError("the unikernel ended soon after it was started: its last words are in the log")
        if info.sha256 != sha256:
            raise OperationError(f"somebody else has put another unikernel in its place: {info.sha256[:12]}")
        if since and info.started != since:
            raise OperationError(
                "the unikernel ended, and the host has started it again: its last words are in the log"
            )
        return info.started

    async def _last_words(self) -> None:
        """What one said that ended before anybody could ask when it began."""
        listening = asyncio.create_task(self._listen(None))
        await asyncio.wait({listening}, timeout=_LAST_WORDS)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, since: datetime | None) -> None:
        async for line in self._host.console(since):
            # The host is asked to the second; what was there before wrote into the same console.
            if since is None or line.at >= since:
                self._log.write(f"{line.text}\n".encode())

    # Going back

    async def _back(self, error: OperationError) -> OperationError:
        """Have what ran before run again; answer what to raise."""
        try:
            now = await self._host.info()
        except OperationError as again:
            # The next attempt sees what runs then, and finishes this one or goes back.
            return OperationError(f"{error}. It is not known what runs now: {again}")
        try:
            if now and self._seen and (now.sha256, now.started) == (self._seen.sha256, self._seen.started):
                return NotMovedError(f"{error}. What ran before still runs", running=True)
            return await self._put_back(error, now)
        except OperationError as again:
            return NotMovedError(f"{error}. What ran before could not be started again: {again}", running=False)

    async def _put_back(self, error: OperationError, now: Info | None) -> NotMovedError:
        if self._former is None:
            await self._end(now)
            return NotMovedError(f"{error}. There is nothing to go back to", running=False)
        self._log.note("putting back what ran before")
        await self._host.run(self._former.image, self._former.configuration, compression=self._compression)
        await self._running(self._former.sha256, None)
        return NotMovedError(f"{error}. What ran before runs again", running=True)

    async def _end(self, now: Info | None) -> None:
        """Have nothing run; nor be started again by the host, which tells nothing of one that is down for a moment."""
        try:
            await self._host.destroy()
        except RefusedError:
            if now:
                raise


def _told(program: Program) -> str:
    configuration = program.configuration
    networks, blocks = [each.name for each in configuration.networks], [each.name for each in configuration.blocks]
    return ", ".join([f"{configuration.memory} MB", *networks, *blocks])
