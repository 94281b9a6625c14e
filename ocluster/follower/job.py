"""One job at the scheduler: submitted, followed, and submitted again when the connection breaks."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable
from typing import Any, Protocol

import capnp

from ocluster.follower import failures
from ocluster.follower.connection import ANSWER, Connection, Link
from ocluster.follower.failures import Failure, Kind
from ocluster.rpc.vat import answer
from ocluster.submission import Submission

#: Seconds between the beginnings of two reads of one log. Reading whatever comes as it comes costs three times the processor.
PACE = 0.25
#: Logs are read at multiples of this on one clock, so that many are asked for, and answered, together.
_BEAT = 0.05
#: The most that one read brings (upstream's `max_chunk_size`): after as much there is more to be had at once.
_FULL = 10240
#: Seconds that a cancelled job is given to end by itself, so that its log is whole.
_GRACE = 10.0


class Listener(Protocol):
    """Who hears what becomes of a job."""

    def waits(self, reason: str) -> None: ...

    def started(self) -> None: ...

    def note(self, text: str) -> None: ...

    async def log(self, data: bytes) -> None: ...


class FollowedJob:
    """A job. `run` answers the scheduler's output; `cancel` makes it raise `CancelledError` soon."""

    def __init__(self, submission: Submission, connection: Connection, listener: Listener) -> None:
        self._submission, self._connection, self._listener = submission, connection, listener
        self._ticket: Any = None
        self._job: Any = None
        self._started = False
        self._cancelled = asyncio.Event()

    async def run(self) -> str:
        """Submit and follow.

        :raises Failure: it failed, or cannot be submitted.
        """
        following = asyncio.create_task(self._follow())
        cancelling = asyncio.create_task(self._cancelled.wait())
        try:
            await asyncio.wait({following, cancelling}, return_when=asyncio.FIRST_COMPLETED)
            if self._cancelled.is_set() and not following.done():
                await self._end(following)
                raise asyncio.CancelledError
            return await following
        finally:
            following.cancel()
            cancelling.cancel()
            await asyncio.gather(following, cancelling, return_exceptions=True)
            self._release()

    def cancel(self) -> None:
        """Have it ended."""
        self._cancelled.set()

    async def _follow(self) -> str:
        while True:
            link = await self._connection.link(self._listener.waits)
            try:
                return await self._once(link)
            except TimeoutError:
                link.vat.close()
            except capnp.KjException as error:
                failure = failures.of(error.type, error.description)
                if failure.kind is not Kind.WORKER or not await self._connection.is_lost(link):
                    raise failure from None
            finally:
                self._release()
            self._listener.note(
                "The connection to the scheduler broke, which ended the build there. It is submitted again."
            )

    async def _once(self, link: Link) -> str:
        self._started = False
        sent = self._send(link.client)
        # Whatever is taken from a promise has to be taken before it is awaited. All of it is kept until the end: what
        # nobody holds is cancelled by the scheduler.
        self._ticket = sent.ticket
        self._job = self._ticket.job().job
        result = self._job.result()
        await answer(sent, ANSWER)
        self._listener.waits(f"Waits for a worker of pool {self._submission.pool}.")
        await self._read_log()
        try:
            return str((await result).output)
        except UnicodeDecodeError:
            raise Failure(Kind.BUILD, "the worker answered something that is no text") from None

    def _send(self, client: Any) -> Any:
        request = client.submit_request()
        request.pool, request.urgent = self._submission.pool, self._submission.urgent
        _describe(request.descr, self._submission)
        return request.send()

    async def _read_log(self) -> None:
        loop = asyncio.get_running_loop()
        at = 0
        while True:
            begun = loop.time()
            chunk = await self._job.log(at)
            if not self._started:
                self._started = True
                self._listener.started()
            data = bytes(chunk.log)
            if not data:
                return
            at = chunk.next
            await self._listener.log(data)
            if len(data) < _FULL:
                await asyncio.sleep(math.ceil((begun + PACE) / _BEAT) * _BEAT - loop.time())

    async def _end(self, following: asyncio.Task[str]) -> None:
        """Ask the scheduler to cancel it, and read on until it has."""
        if self._job is not None:
            asked: Awaitable[Any] = self._job.cancel() if self._started else self._ticket.cancel()
            with contextlib.suppress(capnp.KjException, TimeoutError):
                await answer(asked, _GRACE)
            await asyncio.wait({following}, timeout=_GRACE)

    def _release(self) -> None:
        self._ticket = self._job = None


def _describe(target: Any, submission: Submission) -> None:
    build = target.action.init("dockerBuild")
    build.dockerfile.path = submission.dockerfile
    build.buildArgs = list(submission.build_args)
    build.squash, build.buildkit, build.includeGit = submission.squash, submission.buildkit, submission.include_git
    if push := submission.push:
        build.pushTarget, build.pushUser, build.pushPassword = push.target, push.user, push.password
    target.cacheHint, target.repository = submission.cache_hint, submission.repository
    target.commits = list(submission.commits)
    secrets = target.init("secrets", len(submission.secrets))
    for secret, (name, value) in zip(secrets, submission.secrets, strict=True):
        secret.id, secret.value = name, value
