"""Following a project's containers until they are well, and telling why they are not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from containers.engine import Engine
from core.api import Log, Stalled
from plugins.compose import engines
from plugins.compose.standing import Container, Standing, Verdict, short, trouble

#: Seconds between two looks.
_PAUSE = 0.4
#: Seconds that a container without a health check has to stay up.
STEADY = 3.0


class UnhealthyError(Stalled):
    """A project did not become healthy."""


class Follower:
    """Watches the containers of a project's file. Others of the project, of services that it once had, do not count.

    :param look: sees what the project's containers do.
    :param restarts: how often each container, by id, had been started again before it was changed.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Standing]],
        services: Collection[str],
        restarts: Mapping[str, int],
        log: Log,
    ) -> None:
        self._look = look
        self._services = services
        self._restarts = restarts
        self._log = log
        self._told: dict[str, str] = {}
        self._since: dict[tuple[str, object], float] = {}
        self.seen = Standing()

    async def look(self) -> None:
        """See what they do now.

        :raises OperationError: the engine does not answer.
        """
        self.seen = Standing((await self._look()).of(self._services))

    async def tell_rules(self, wait: float) -> None:
        """Say what healthy means for each service, and where that comes from.

        :raises OperationError: the engine does not answer.
        """
        await self.look()
        for service in sorted({each.service for each in self.seen.containers}):
            container = self.seen.of([service])[0]
            if container.check:
                self._log.note(
                    f"{service}: healthy means that {container.check}, succeeds within {wait:g} s (option `wait`)"
                )
            elif not container.completed:
                self._log.note(f"{service}: it has no health check, so it has to stay up for {STEADY:g} s")

    async def until_well(self) -> None:
        """Wait until every container is well, as long as it takes; each change is told in the log.

        :raises UnhealthyError: one of them failed.
        :raises OperationError: the engine does not answer.
        """
        while True:
            await self.look()
            self._tell()
            if failed := [each for each in self.seen.containers if self._verdict(each) is Verdict.FAILED]:
                raise UnhealthyError("; ".join(map(self._why, failed)))
            if all(self._settled(each) for each in self.seen.containers):
                break
            await asyncio.sleep(_PAUSE)
        if not any(each.runs for each in self.seen.containers):
            raise UnhealthyError("nothing of it keeps running")

    @property
    def waited_for(self) -> str:
        """What is not well yet, for people."""
        slow = [each for each in self.seen.containers if not self._settled(each)]
        return "; ".join(map(self._why, slow)) or "its containers are still being started"

    async def tell_failures(self, engine: Engine) -> None:
        """Put into the log what is known of each container that is not well, before it is replaced.

        :raises OperationError: the engine does not answer.
        """
        if not self.seen.containers:  # compose failed before anything was looked at
            await self.look()
        for each in self.seen.containers:
            if self._verdict(each) is Verdict.WELL:
                continue
            self._log.note(f"{each.name}: {self._why(each)}")
            if printed := await engines.last_lines(engine, each):
                self._log.note(f"{each.name}: the last {engines.LAST_LINES} lines that it printed:")
                self._log.write(printed if printed.endswith(b"\n") else printed + b"\n")

    def _verdict(self, container: Container) -> Verdict:
        return container.verdict(self._restarts.get(container.id, 0))

    def _settled(self, container: Container) -> bool:
        if self._verdict(container) is not Verdict.WELL:
            return False
        if container.health or container.completed:
            return True
        now = asyncio.get_running_loop().time()
        return now - self._since.setdefault((container.id, container.started), now) >= STEADY

    def _why(self, container: Container) -> str:
        if container.restarts > self._restarts.get(container.id, 0) and container.status == "running":
            return f"{container.service} ended, and was started again"
        return trouble(container)

    def _tell(self) -> None:
        now = {each.name: _line(each) for each in self.seen.containers}
        for name, text in now.items():
            if self._told.get(name) != text:
                self._log.note(text)
        for name in self._told.keys() - now.keys():
            self._log.note(f"{name}: removed")
        self._told = now


def _line(container: Container) -> str:
    return f"{container.name} ({short(container.digest) or container.reference}): {container.told}"
