"""The embedded default: web, runner and qcluster as one tree of processes under one command."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import DatabaseError

from core import clock
from core.configuration import Configuration
from core.engine import settled
from core.engine.progress import Line, Progress
from core.engine.tree import Tree, command
from core.management.interruption import SIGNALS, Interruption
from core.management.preconditions import alone, port_is_free
from core.management.terminal import Terminal
from core.models import Repository
from core.services import heads, hints
from core.services.scope import Scope

#: Seconds between looks at what happened, when no hint asks for one.
_INTERVAL = 1.0
#: Seconds in which hints are gathered: to read all that goes on for each would take as much as the work itself.
_GATHER = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One run of the embedded default.

    :param web: host and port; None for no pages.
    :param once: end when nothing is left to do.
    :param expected: branches whose check build has to fail.
    :param interruption: what was asked of the command before this runs.
    """

    configuration: Configuration
    scope: Scope
    terminal: Terminal
    web: tuple[str, int] | None = None
    once: bool = False
    expected: Collection[str] = ()
    interruption: Interruption = field(default_factory=Interruption)

    def run(self) -> settled.Verdict | None:
        """Run until SIGINT, SIGTERM or, with `once`, until nothing is left to do; only then there is a verdict.

        :raises ConfigurationError: something else runs on the data directory, or has the port.
        """
        with alone(self.configuration.data_dir):
            if self.web:
                port_is_free(*self.web)
            self.configuration.run_dir.mkdir(parents=True, exist_ok=True)
            self._ask_for_looks()
            return asyncio.run(self._run())

    async def _run(self) -> settled.Verdict | None:
        tree = Tree(self._children(), self.configuration.run_dir / "tree.leash")
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, tree.stop)
        if self.interruption.asked:
            return None
        watch = asyncio.create_task(self._watch(tree))
        await tree.run()
        verdict = watch.result() if watch.done() else None
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        return verdict

    def _ask_for_looks(self) -> None:
        """Whoever starts it wants to see what is there now, whenever the next regular look may be."""
        rows = Repository.objects.filter(self.scope.repositories(), retired_at=None)
        heads.ask(rows, clock.now())

    def _children(self) -> dict[str, tuple[str, ...]]:
        filters = ("--flavour", self.scope.flavour, "--repository", self.scope.repository)
        # The command that starts them has checked all. They would load the pages for it, a third of their start.
        children = {"runner": command("run_runner", "--skip-checks", *filters)}
        if self.web:
            host, port = self.web
            children = {"web": command("run_web", "--host", host, "--port", str(port)), **children}
        if not self.once:
            children["qcluster"] = command("qcluster", "--skip-checks")
        return children

    async def _watch(self, tree: Tree) -> settled.Verdict | None:
        started = clock.now()
        progress = Progress(self.scope, started)
        layer = hints.layer()
        channel = await layer.new_channel()
        await layer.group_add(hints.PAGES, channel)
        while not tree.stopping:
            try:
                await self._tell(progress)
                if self.once and await sync_to_async(self._settled)(started):
                    verdict = await sync_to_async(settled.verdict)(self.scope, self.expected)
                    tree.stop()
                    return verdict
            except DatabaseError as error:
                # A full disk, a lock that was held for long: whoever watches goes on watching.
                self.terminal.tell(Line("bad", f"the database does not answer: {error}", important=True))
            with contextlib.suppress(TimeoutError):
                # Not `wait_for`, which until Python 3.12 forgets that it was cancelled when a hint comes with it.
                async with asyncio.timeout(_INTERVAL):
                    await layer.receive(channel)
                async with asyncio.timeout(_GATHER):
                    while True:
                        await layer.receive(channel)
        return None

    async def _tell(self, progress: Progress) -> None:
        for line in await sync_to_async(lambda: list(progress.news()))():
            self.terminal.tell(line)

    def _settled(self, started: datetime) -> bool:
        return settled.settled(self.scope, started, clock.now())
