"""The runner: looks at sources and services, reconciles, claims jobs and runs hundreds at once on one event loop.

It goes round whenever a hint wakes it, and once a second in any case. Everything it knows is in the database: a round
begins with a look at what is due there, and a runner that is killed leaves nothing but leases behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections, connections

from core import clock
from core.configuration import Configuration
from core.engine import facts, gates, keeping_logs, looks, probing, reconcile, recovery, tidying
from core.engine.attempts import Attempts
from core.engine.lease import Lease
from core.engine.reasons import Reasons
from core.engine.watchdog import Watchdog
from core.engine.worker import Worker
from core.errors import RefusedError
from core.liveness import Life
from core.logs import places
from core.models import Deployment, Job, Message, Probe, ReleaseChanges, Repository, Service, Tidying
from core.services import (
    changes,
    deliveries,
    gate_answers,
    heads,
    hints,
    incidents,
    inputs,
    jobs,
    log_rules,
    measurements,
    messages,
    observations,
    plugin_switches,
    pools,
    probes,
    processes,
    runners,
    tidyings,
)
from core.services.scope import Scope

logger = logging.getLogger(__name__)

#: Seconds between rounds that nothing asked for.
ROUND = 1.0
#: Seconds for which a connection to the database is used.
_CONNECTION = 60.0
#: Seconds between two whole rounds, however often it is woken.
_PACE = 0.02
#: Seconds in which hints that logs grew are gathered into one for each job.
_LOG_HINTS = 0.05
#: Threads for what blocks: files, clients of registries. They are made when they are needed.
_THREADS = 64
#: What one runner has in hand at once besides jobs, by its kind: those of a kind that hang hold up no others.
_AT_ONCE = {"source": 40, "service": 20, "message": 40, "changes": 4, "probe": 20, "gates": 40, "tidying": 1}
#: How long nobody else asks for changes that one runner asks for: longer than a source is given to answer.
_CHANGES_LEASE = timedelta(minutes=10)


@dataclass(slots=True)
class Due:
    """What one round found to do."""

    jobs: list[Job] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    changes: list[ReleaseChanges] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    gated: list[Deployment] = field(default_factory=list)
    tidyings: list[Tidying] = field(default_factory=list)
    cancels: dict[int, str] = field(default_factory=dict)


class Runner:
    """One runner process's work. `run` returns after `stop` was called and everything in hand has ended.

    :ivar failure: why it stopped by itself; empty where it was asked to.
    """

    def __init__(self, configuration: Configuration, scope: Scope | None = None) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"[-100:]
        self.failure = ""
        self._configuration = configuration
        self._scope = scope or Scope()
        self._life = Life(configuration.life_dir, "runner")
        self._lease = timedelta(seconds=configuration.lease_seconds)
        self._reasons = Reasons(self.name)
        self._wake = asyncio.Event()
        worker = Worker(configuration, self.name, self._grown, lambda: self._stopping, self._reasons.say)
        self._attempts = Attempts(
            self.name,
            worker,
            self._reasons,
            self._in_database,
            stopping=lambda: self._stopping,
            ended=self._wake.set,
        )
        self._side: dict[asyncio.Task[None], str] = {}
        self._stopping = False
        self._drained = False
        self._grown_logs: set[int] = set()
        self._renewing = ThreadPoolExecutor(1, "leases")
        self._keeper = Lease(
            self.name,
            configuration.lease_seconds,
            self._in_database_at_once,
            in_hand=self._attempts.held,
            end=self._attempts.end,
            unfit=self._outdated,
            renewed=self._sign_life,
            tells={
                "flavour": self._scope.flavour,
                "repository": self._scope.repository,
                "concurrency": configuration.concurrency,
                "without": sorted(configuration.disabled_plugins),
            },
        )
        self._take_up_at = 0.0
        self._connected_until = 0.0

    def stop(self) -> None:
        """Claim nothing more, end what is in hand, and return."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop` is called."""
        # Python's own default is a few threads a processor, which a few libraries that block would have used up.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "runner"))
        await self._in_database(self._arrive)
        self._keeper.begin()
        watchdog = Watchdog(asyncio.get_running_loop(), self._configuration.lease_seconds, self._give_up)
        watchdog.start()
        self._sign_life()
        beside = (
            self._listen(),
            self._keeper.keep(),
            self._tell_growth(),
            self._measure_for_ever(),
            self._keep_logs(),
        )
        told = (facts.keep_told, facts.keep_pools_told, self._reasons.keep_written)
        helpers = [asyncio.create_task(each) for each in (*beside, *(each(self._in_database) for each in told))]
        try:
            await self._rounds()
            await self._attempts.end_all()
        finally:
            for helper in [*helpers, *self._side]:
                helper.cancel()
            await asyncio.gather(*helpers, *self._side, return_exceptions=True)
            await asyncio.get_running_loop().run_in_executor(self._renewing, connections.close_all)
            self._renewing.shutdown(wait=False)
            await self._in_database(lambda: runners.leave([self.name], clock.now()))
            await self._in_database(measurements.flush)
            await self._in_database(incidents.flush)
            watchdog.stop()

    def _give_up(self, plugin: str, what: str) -> None:
        """Have the plugin that holds this runner up hold up no other. Called by the watchdog, before the process ends."""
        incidents.flush()
        if plugin:
            with contextlib.suppress(RefusedError):
                plugin_switches.disable(plugin, None, reason=what)

    # One round

    async def _rounds(self) -> None:
        """Go round whenever something woke it. Where that is often, only what somebody waits for is looked at each time."""
        whole_at = 0.0
        while not self._stopping:
            self._wake.clear()
            wait = ROUND
            try:
                for repository in await self._in_database(self._claim_looks):
                    self._aside("source", looks.at_source(repository, self._in_database))
                if time.monotonic() >= whole_at:
                    await self._round()
                    whole_at = time.monotonic() + _PACE
                else:
                    wait = whole_at - time.monotonic()
            except Exception:
                # A full disk, a database that restarts: nothing is lost, the next round finds the same.
                logger.exception("a round failed; it is tried again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0)):
                    await self._wake.wait()

    async def _round(self) -> None:
        due = await self._in_database(self._find)
        for job, reason in due.cancels.items():
            self._attempts.cancel(job, reason)
        for row in due.jobs:
            self._attempts.start(row)
        for service in due.services:
            self._aside("service", looks.at_service(service, self._in_database))
        for message in due.messages:
            self._aside("message", looks.tell(message, self._in_database))
        for release in due.changes:
            self._aside("changes", looks.at_changes(release, self._in_database))
        for probe in due.probes:
            self._aside("probe", probing.answer(probe, self._in_database))
        for deployment in due.gated:
            self._aside("gates", gates.ask(deployment, self._in_database))
        for asked in due.tidyings:
            self._aside("tidying", tidying.carry_out(asked, self._in_database))

    def _find(self) -> Due:
        now = clock.now()
        plugin_switches.refresh()
        if time.monotonic() >= self._take_up_at:
            self._take_up_at = time.monotonic() + ROUND
            recovery.take_up(self._configuration, now)
        cancels = {job: reason for job, reason in jobs.in_hand(self.name).items() if reason}
        drained, ends = runners.is_drained(self.name)
        if drained != self._drained:
            self._drained = drained
            logger.info("it is being drained: nothing more is taken" if drained else "it takes jobs again")
        if drained and ends and not self._attempts and not self._side:
            logger.info("it was drained, and ends as it was asked to")
            self._loop.call_soon_threadsafe(self.stop)
        # It may have been stopped since this round began: what was put back for that is for others.
        if drained or self._stopping:
            return Due(cancels=cancels)
        for repository in reconcile.stale_repositories(self._scope):
            self._reconcile(repository)
        deliveries.carry_out()
        inputs.queue_due(now, self._scope)
        return Due(
            jobs=self._claim(),
            services=observations.claim(now, self._scope, limit=self._free("service")),
            messages=messages.claim(now, self._lease * 2, limit=self._free("message")),
            changes=changes.claim(now, _CHANGES_LEASE, self._scope, limit=self._free("changes")),
            probes=probes.claim(now, limit=self._free("probe")),
            gated=gate_answers.claim(now, self._scope, jobs.startable(now, self._scope), limit=self._free("gates")),
            cancels=cancels,
            tidyings=tidyings.claim(now, limit=self._free("tidying")),
        )

    def _claim_looks(self) -> list[Repository]:
        if self._drained or self._stopping:
            return []
        return heads.claim(self.name, clock.now(), self._lease * 4, self._scope, limit=self._free("source"))

    def _free(self, kind: str) -> int:
        """How many more of a kind may be begun."""
        return max(_AT_ONCE[kind] - list(self._side.values()).count(kind), 0)

    def _reconcile(self, repository: int) -> None:
        try:
            if reconcile.reconcile(repository):
                self._wake_threadsafe()
        except Exception:
            # One repository that cannot be evaluated holds up no other.
            logger.exception("repository %s could not be reconciled", repository)

    def _claim(self) -> list[Job]:
        room = self._configuration.concurrency - len(self._attempts)
        if room <= 0 or not self._keeper.is_held:
            return []
        places = pools.free(self._attempts.by_pool())
        return jobs.claim(
            self.name,
            clock.now(),
            self._lease,
            self._scope,
            places=places,
            limit=room,
            # One that it had lost may still be ending here.
            without=self._attempts.held(),
        )

    def _outdated(self, why: str) -> None:
        """Stop: the tables have come to need a newer version."""
        logger.error("%s", why)
        self.failure = why
        self.stop()

    # Beside the rounds

    def _arrive(self) -> None:
        now = clock.now()
        processes.fits()
        recovery.register(self.name, now, self._lease)
        recovery.take_up(self._configuration, now)
        log_rules.install()

    def _sign_life(self) -> None:
        # After a lease without the database nothing is in hand any more, and a restart loses nothing.
        self._life.sign(self._configuration.lease_seconds * 1.5, f"{self.name}, {len(self._attempts)} jobs in hand")

    async def _measure_for_ever(self) -> None:
        while True:
            await asyncio.sleep(measurements.INTERVAL)
            # One that fails is logged there, and keeps what it has.
            await self._in_database(measurements.flush)
            await self._in_database(incidents.flush)

    async def _keep_logs(self) -> None:
        await keeping_logs.keep_packed(places.of(self._configuration), self._in_database)

    async def _listen(self) -> None:
        """Be woken by hints."""
        layer = hints.layer()
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(hints.RUNNERS, channel)
                while True:
                    await layer.receive(channel)
                    self._wake.set()
            except Exception:
                logger.exception("hints cannot be heard; the next look is at most %s s away", ROUND)
                await asyncio.sleep(5)

    def _grown(self, job: int) -> None:
        self._grown_logs.add(job)

    async def _tell_growth(self) -> None:
        layer = hints.layer()
        while True:
            await asyncio.sleep(_LOG_HINTS)
            grown, self._grown_logs = self._grown_logs, set()
            for job in grown:
                with contextlib.suppress(Exception):
                    await layer.group_send(hints.log_group(job), {"type": "grown"})

    def _aside(self, kind: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._side[task] = kind
        task.add_done_callback(self._aside_done)

    def _aside_done(self, task: asyncio.Task[None]) -> None:
        kind = self._side[task]
        was_full = not self._free(kind)
        del self._side[task]
        # A look at a service hints by itself where something follows of it. A round for each of two thousand a minute
        # would keep a processor busy.
        if was_full or kind != "service":
            self._wake.set()

    def _wake_threadsafe(self) -> None:
        self._loop.call_soon_threadsafe(self._wake.set)

    async def _in_database_at_once(self, function: Callable[[], Any]) -> Any:
        """In a thread and by a connection of its own, beside all that waits for the other one."""

        def call() -> Any:
            close_old_connections()
            return function()

        return await asyncio.get_running_loop().run_in_executor(self._renewing, call)

    async def _in_database(self, function: Callable[[], Any]) -> Any:
        def call() -> Any:
            # Every time would be to open SQLite anew each time, which takes longer than most of what is asked.
            if time.monotonic() >= self._connected_until:
                close_old_connections()
                self._connected_until = time.monotonic() + _CONNECTION
            try:
                return function()
            except DatabaseError:
                self._connected_until = 0.0
                raise

        self._loop = asyncio.get_running_loop()
        return await sync_to_async(call, thread_sensitive=True)()
