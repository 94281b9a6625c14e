"""Builds on a cluster: what a runner asks, whatever happens to the follower in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.api import Log, OperationError, Stalled
from ocluster import capability, faults
from ocluster.link import FollowerLostError, Link, RefusedByFollower
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.submission import Submission

#: Seconds between attempts to reach a scheduler, as upstream's client has it.
RETRY = 10.0
#: Times that the follower may end while it follows one build.
_CRASHES = 5
#: Seconds after which a follower that has nothing to follow is ended.
_IDLE = 60.0
#: Seconds that a scheduler has to tell of its pools.
_ANSWER = 40.0
#: Seconds for which a build waits for a worker.
PATIENCE = 24 * 3600


class Client:
    """The cluster behind one capability file. It belongs to the event loop that uses it first.

    :param path: of the capability file, which is read anew for every question.
    :param setting: what names that file, for errors.
    :param interface: what the capability is of: `Submission`, `Admin`.
    :param retry: seconds between attempts to reach the scheduler.
    """

    def __init__(self, path: Path, setting: str, interface: str = "Submission", *, retry: float = RETRY) -> None:
        self._path, self._setting, self._interface, self._retry = path, setting, interface, retry
        self._link: Link | None = None
        self._ref: SturdyRef | None = None
        self._starting = asyncio.Lock()
        self._ending: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def process(self) -> int | None:
        """The follower's process number, where one runs."""
        return self._link.process if self._link and not self._link.gone else None

    async def build(self, submission: Submission, log: Log, waits: Callable[[str], None]) -> str:
        """Have it built, its log into ours; answer the scheduler's output: what was pushed, or nothing.

        It is submitted again when the connection or the follower is lost. Cancelling cancels it at the scheduler.

        :param waits: is told in a sentence what it waits for, and the empty string once it is being built.
        :raises Stalled: it does not build, or cannot be submitted.
        :raises OperationError: something else went wrong.
        :raises ConfigurationError: the capability file cannot be used.
        """
        told = {"do": "submit", "submission": submission.told()}
        listener = _Listener(log, waits)
        for _ in range(_CRASHES):
            try:
                return str(await self._patiently(told, listener))
            except FollowerLostError:
                log.note("The process that follows this build ended, and the build with it. It is submitted again.")
            except RefusedByFollower as failure:
                raise faults.of(failure.kind, failure.text, pool=submission.pool, setting=self._setting) from None
        raise OperationError(
            f"the process that follows builds on OCluster ended {_CRASHES} times while it followed this one"
        )

    async def pools(self) -> list[dict[str, Any]]:
        """What an admin capability tells of the pools: see `ocluster.pools`.

        :raises OperationError: it cannot be told now, or not with this capability.
        :raises ConfigurationError: the capability file cannot be used.
        """
        listener = _Listener(_Silence(), lambda reason: None)
        try:
            async with asyncio.timeout(_ANSWER):
                return list(await (await self._ready()).ask({"do": "pools"}, listener))
        except TimeoutError:
            raise OperationError(listener.reason or "the scheduler does not answer") from None
        except FollowerLostError:
            raise OperationError("the process that asks the scheduler ended") from None
        except RefusedByFollower as failure:
            raise faults.of(failure.kind, failure.text, pool="", setting=self._setting) from None
        finally:
            self._end_when_idle()

    async def close(self) -> None:
        """End the follower; what it follows is cancelled by the scheduler."""
        if self._ending:
            self._ending.cancel()
        if self._link:
            await self._link.close()
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _patiently(self, told: dict[str, Any], listener: _Listener) -> Any:
        try:
            async with asyncio.timeout(PATIENCE) as listener.deadline:
                return await (await self._ready()).ask(told, listener)
        except TimeoutError:
            if not listener.deadline.expired():
                raise
            raise Stalled(f"no worker took it within {PATIENCE // 3600} hours: {listener.reason}") from None
        finally:
            self._end_when_idle()

    async def _ready(self) -> Link:
        """The follower for what the capability file says now."""
        ref = await asyncio.to_thread(capability.read, self._path, self._setting)
        async with self._starting:
            if self._link is None or self._link.gone or ref != self._ref:
                former, self._link, self._ref = self._link, None, ref
                if former and not former.gone:
                    self._retire(former)
                self._link = await Link.start(ref, self._interface, retry=self._retry)
            return self._link

    def _retire(self, link: Link) -> None:
        """Let a follower with a former capability follow its builds to their end."""

        async def end() -> None:
            while not link.idle:
                await asyncio.sleep(1)
            await link.close()

        task = asyncio.create_task(end())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _end_when_idle(self) -> None:
        if self._ending:
            self._ending.cancel()
        with contextlib.suppress(RuntimeError):
            self._ending = asyncio.get_running_loop().call_later(_IDLE, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._link and self._link.idle:
            former, self._link = self._link, None
            self._retire(former)


class _Listener:
    """Hands on what a follower tells of a build."""

    def __init__(self, log: Log, waits: Callable[[str], None]) -> None:
        self._log, self._waits = log, waits
        self.reason = ""
        self.deadline: asyncio.Timeout

    def waits(self, reason: str) -> None:
        if reason != self.reason:
            self._log.note(reason)
        self.reason = reason
        self._waits(reason)

    def started(self) -> None:
        self.reason = ""
        self.deadline.reschedule(None)
        self._waits("")

    def note(self, text: str) -> None:
        self._log.note(text)

    def log(self, data: bytes) -> None:
        self._log.write(data)


class _Silence:
    """The log of what has none."""

    def write(self, data: bytes) -> None:
        return

    def note(self, text: str) -> None:
        return

    def redact(self, secret: str) -> None:
        return
