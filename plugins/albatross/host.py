"""One unikernel on one host: what can be asked about it, and done with it."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Self, cast

from core.api import OperationError, ServicePlace, Stalled
from plugins.albatross import commands
from plugins.albatross.client import Address, Client
from plugins.albatross.commands import Configuration
from plugins.albatross.credentials import LABEL, Credentials
from plugins.albatross.options import AlbatrossOptions
from plugins.albatross.replies import Image, Info, Infos, Line, Statistics

#: Seconds between two samples of `albatross-stats` (its option `--interval`), and some more.
_SAMPLE = 15.0
#: Seconds for which a console may be silent.
_SILENCE = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A unikernel's host, and its name there.

    :param name: without the path that the credentials stand for.
    """

    client: Client
    name: str

    @classmethod
    def of(cls, service: ServicePlace) -> Self:
        """Where a service is.

        :raises Stalled: it has no host, or a name that Albatross does not take; or a secret is missing.
        """
        options = cast(AlbatrossOptions, service.options)
        name = options.name or service.name
        if not LABEL.fullmatch(name):
            raise Stalled(
                f"{name!r} cannot be a unikernel's name: up to 63 letters, digits, `.` and `-`."
                " Give it another by the option `name`"
            )
        if not service.host:
            raise Stalled(
                f"service {service.name!r} needs a host: the Albatross host that runs it, as `host` or `host:port`"
            )
        client = Client(address=Address.parse(service.host), credentials=Credentials.read(options.credentials))
        return cls(client=client, name=name.lower())

    async def info(self) -> Info | None:
        """What runs under its name; None where nothing does."""
        reply = await self.client.one(self.name, commands.info())
        if not isinstance(reply, Infos):
            raise self._strange()
        path = self.client.credentials.path
        return reply.unikernels.get(f"{path}:{self.name}")

    async def image(self) -> bytes:
        """The image that runs."""
        reply = await self.client.one(self.name, commands.get(9))
        if not isinstance(reply, Image):
            raise self._strange()
        return reply.content

    async def run(self, image: bytes, configuration: Configuration, *, compression: int) -> None:
        """Run an image, in the place of what runs under its name.

        :param compression: from 0 to 9.
        """
        sent = await asyncio.to_thread(zlib.compress, image, compression) if compression else image
        command = commands.replace(configuration, compressed=bool(compression))
        await self.client.one(self.name, command, image=sent)

    async def restart(self, configuration: Configuration) -> None:
        """Run what runs once more, in another way."""
        await self.client.one(self.name, commands.restart(configuration))

    async def destroy(self) -> None:
        """End what runs."""
        await self.client.one(self.name, commands.destroy())

    async def console(self, since: datetime | None) -> AsyncGenerator[Line, None]:
        """What it writes, from a moment on, for as long as it is listened to."""
        answers = self.client.all(self.name, commands.console(since), patience=_SILENCE)
        async with contextlib.aclosing(answers):
            async for reply in answers:
                if isinstance(reply, Line):
                    yield reply

    async def statistics(self) -> Statistics | None:
        """What it has used so far; None where the host does not tell."""
        answers = self.client.all(self.name, commands.statistics(), patience=_SAMPLE)
        with contextlib.suppress(OperationError):
            async with contextlib.aclosing(answers):
                async for reply in answers:
                    if isinstance(reply, Statistics):
                        return reply
        return None

    def _strange(self) -> OperationError:
        return OperationError(f"{self.client.address} answers something other than what it was asked")
