"""The connection to the scheduler: one, shared by all jobs, made again whenever it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable
from typing import Any

import capnp

from ocluster.follower import failures
from ocluster.follower.failures import Failure, Kind
from ocluster.rpc.guard import BadPeerError, WrongServerError
from ocluster.rpc.schema import api
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.rpc.vat import Vat, answer, connect

#: Seconds within which a scheduler has to answer what costs it nothing.
ANSWER = 30.0
#: Seconds between questions whether it still answers: one that is stopped keeps its connections.
_PROBE = 60.0

Tell = Callable[[str], None]


class Link:
    """A connection that has answered, and the object at its other end."""

    def __init__(self, vat: Vat, client: Any) -> None:
        self.vat, self.client = vat, client

    async def alive(self, seconds: float) -> bool:
        """Whether the scheduler answers. It is asked to save what we hold: any answer will do, a refusal too."""
        if self.vat.gone:
            return False
        try:
            await answer(self.client.cast_as(api().Persistent).save(), seconds)
        except TimeoutError:
            return False
        except capnp.KjException as error:
            failure = failures.of(error.type, error.description)
            if failure.kind is Kind.REFUSED:
                raise failure from None
            return failure.kind is not Kind.WORKER
        return not self.vat.gone


class Connection:
    """Keeps at most one link.

    :param interface: what the sturdy ref is of: `Submission`, `Admin`.
    :param retry: seconds between attempts to connect.
    """

    def __init__(self, ref: SturdyRef, interface: Any, *, retry: float) -> None:
        self._ref, self._interface, self._retry = ref, interface, retry
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._waiting: list[Tell] = []
        self._trouble = ""
        self._again_at = 0.0

    async def link(self, tell: Tell) -> Link:
        """The link, connecting for as long as that takes.

        :param tell: is told in a sentence why it takes long, whenever that changes.
        :raises Failure: trying again would not help.
        """
        if self._link and not self._link.vat.gone:
            return self._link
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
        tell(self._trouble or f"Connecting to the scheduler at {self._ref.where}.")
        self._waiting.append(tell)
        try:
            return await asyncio.shield(self._connecting)
        finally:
            self._waiting.remove(tell)

    async def is_lost(self, link: Link) -> bool:
        """Whether a link that gave an error is no good any more; it is dropped then."""
        with contextlib.suppress(TimeoutError):
            # What ended the connection may be on its way still.
            async with asyncio.timeout(0.2):
                await link.vat.wait_gone()
        with contextlib.suppress(Failure):
            if await link.alive(ANSWER):
                return False
        link.vat.close()
        return True

    async def _connect(self) -> Link:
        loop = asyncio.get_running_loop()
        while True:
            # Not more often than that either where each connection breaks at once.
            await asyncio.sleep(self._again_at - loop.time())
            self._again_at = loop.time() + self._retry
            try:
                self._link = await self._try()
            except (OSError, TimeoutError) as error:
                self._say(f"{_sentence(error, self._ref)} Tried again every {self._retry:g} seconds.")
            else:
                self._trouble = ""
                self._watching = asyncio.create_task(self._watch(self._link))
                return self._link

    async def _try(self) -> Link:
        try:
            vat = await connect(self._ref)
        except WrongServerError as error:
            raise Failure(Kind.REFUSED, str(error)) from None
        link = Link(vat, vat.client(self._interface))
        try:
            if await link.alive(ANSWER):
                return link
        except Failure:
            vat.close()
            raise
        fault = vat.fault
        vat.close()
        raise fault or ConnectionError("it accepts the connection and does not answer")

    async def _watch(self, link: Link) -> None:
        """Drop a link that does not answer any more, so that those who wait on it hear of it."""
        while not link.vat.gone:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PROBE):
                    await link.vat.wait_gone()
            with contextlib.suppress(Failure):
                if not await link.alive(ANSWER):
                    link.vat.close()

    def _say(self, trouble: str) -> None:
        self._trouble = trouble
        for tell in self._waiting:
            tell(trouble)


def _sentence(error: Exception, ref: SturdyRef) -> str:
    match error:
        case BadPeerError():
            return f"{error}."
        case TimeoutError():
            return f"The scheduler at {ref.where} does not answer."
        case ssl.SSLError():
            return f"What answers at {ref.where} does not speak TLS as a scheduler does ({error.reason or 'no reason given'})."
        case OSError(errno=int(number)) if number:
            # asyncio's own words for a refused connection tell of its call; those of a failed look-up are good.
            reason = os.strerror(number) if number > 0 else error.strerror
            return f"The scheduler at {ref.where} cannot be reached: {reason}."
        case _:
            return f"The scheduler at {ref.where} cannot be used: {error}."
