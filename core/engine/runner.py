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
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from core.configuration import Configuration
from core.engine import facts, looks, reconcile, recovery
from core.engine.reasons import Reasons
from core.engine.worker import Verdict, Worker
from core.models import Job, Message, Repository, Service
from core.services import deliveries, heads, hints, inputs, jobs, log_rules, messages, observations, pools, runners
from core.services.scope import Scope
from core.states import JobKind, JobState

logger = logging.getLogger(__name__)

#: Seconds between rounds that nothing asked for.
ROUND = 1.0
#: Seconds for which a connection to the database is used.
_CONNECTION = 60.0
#: Seconds between two whole rounds, however often it is woken.
_PACE = 0.02
#: Seconds that a deployment is given to end when the runner is asked to stop.
GRACE = 10.0
#: Seconds in which hints that logs grew are gathered into one for each job.
_LOG_HINTS = 0.05
#: Threads for what blocks: files, clients of registries. They are made when they are needed.
_THREADS = 64
#: Looks at sources, looks at services, and messages that one runner has in hand at once: those of a kind that hang
#: hold up no others.
_AT_ONCE = {"source": 40, "service": 20, "message": 40}


@dataclass(slots=True)
class Due:
    """What one round found to do."""

    jobs: list[Job] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    cancels: dict[int, str] = field(default_factory=dict)


class Runner:
    """One runner process's work. `run` returns after `stop` was called and everything in hand has ended."""

    def __init__(self, configuration: Configuration, scope: Scope | None = None) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"[-100:]
        self._configuration = configuration
        self._scope = scope or Scope()
        self._lease = timedelta(seconds=configuration.lease_seconds)
        self._reasons = Reasons(self.name)
        self._worker = Worker(configuration, self.name, self._grown, lambda: self._stopping, self._reasons.say)
        self._attempts: dict[int, asyncio.Task[None]] = {}
        self._pools: dict[int, tuple[str, JobKind]] = {}
        self._cancelled: dict[int, str] = {}
        self._side: dict[asyncio.Task[None], str] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._grown_logs: set[int] = set()
        self._renewed = 0.0
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
        beside = (self._listen(), self._renew_for_ever(), self._tell_growth())
        told = (facts.keep_told, facts.keep_pools_told, self._reasons.keep_written)
        helpers = [asyncio.create_task(each) for each in (*beside, *(each(self._in_database) for each in told))]
        try:
            await self._rounds()
            await self._end_attempts()
        finally:
            for helper in [*helpers, *self._side]:
                helper.cancel()
            await asyncio.gather(*helpers, *self._side, return_exceptions=True)
            await self._in_database(lambda: runners.leave([self.name], timezone.now()))

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
            self._cancel(job, reason)
        for row in due.jobs:
            self._start(row)
        for service in due.services:
            self._aside("service", looks.at_service(service, self._in_database))
        for message in due.messages:
            self._aside("message", looks.tell(message, self._in_database))

    def _find(self) -> Due:
        now = timezone.now()
        if time.monotonic() >= self._take_up_at:
            self._take_up_at = time.monotonic() + ROUND
            recovery.take_up(self._configuration, now)
        for repository in reconcile.stale_repositories(self._scope):
            self._reconcile(repository)
        deliveries.carry_out()
        inputs.queue_due(now, self._scope)
        return Due(
            jobs=self._claim(),
            services=observations.claim(now, self._scope, limit=self._free("service")),
            messages=messages.claim(now, self._lease * 2, limit=self._free("message")),
            cancels={job: reason for job, reason in jobs.in_hand(self.name).items() if reason},
        )

    def _claim_looks(self) -> list[Repository]:
        return heads.claim(self.name, timezone.now(), self._lease * 4, self._scope, limit=self._free("source"))

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
        if room <= 0:
            return []
        places = pools.free(Counter(pool for pool, _ in list(self._pools.values())))
        return jobs.claim(self.name, timezone.now(), self._lease, self._scope, places=places, limit=room)

    # Attempts

    def _start(self, job: Job) -> None:
        self._pools[job.pk] = (job.pool, JobKind(job.kind))
        self._attempts[job.pk] = asyncio.create_task(self._attempt(job), name=f"job {job.pk}")

    def _cancel(self, job: int, reason: str) -> None:
        task = self._attempts.get(job)
        if task and job not in self._cancelled:
            self._cancelled[job] = reason
            task.cancel()

    async def _attempt(self, job: Job) -> None:
        claim = jobs.Claim(job.pk, self.name)
        try:
            try:
                verdict = await self._worker.attempt(job)
            except asyncio.CancelledError:
                verdict = self._verdict_of_cancel(job.pk)
            self._reasons.forget(job.pk)
            await self._settle(claim, verdict)
        finally:
            self._attempts.pop(job.pk, None)
            self._pools.pop(job.pk, None)
            self._cancelled.pop(job.pk, None)
            self._wake.set()

    def _verdict_of_cancel(self, job: int) -> Verdict:
        if job in self._cancelled:
            return Verdict(JobState.CANCELLED, self._cancelled[job])
        return Verdict(JobState.QUEUED, "Its runner was stopped while it ran this", retry_at=timezone.now())

    async def _settle(self, claim: jobs.Claim, verdict: Verdict) -> None:
        """Write a verdict down, however long the database takes to come back: it is known nowhere else."""
        while True:
            try:
                await self._in_database(lambda: self._write(claim, verdict))
                return
            except Exception:
                logger.exception("what became of job %s could not be written down; tried again", claim.job)
                await asyncio.sleep(1)

    def _write(self, claim: jobs.Claim, verdict: Verdict) -> None:
        if verdict.state is JobState.QUEUED:
            kept = jobs.put_back(claim, reason=verdict.reason, not_before=verdict.retry_at, counts=verdict.counts)
        else:
            kept = jobs.finish(
                claim,
                verdict.state,
                reason=verdict.reason,
                value=verdict.value,
                seen_digest=verdict.seen_digest,
                diagnosis=verdict.diagnosis,
            )
        if not kept:
            logger.warning("job %s was lost to another runner before it ended here", claim.job)

    async def _end_attempts(self) -> None:
        """Put builds back at once; give deployments a moment, as half-way is the worst place to stop."""
        for job, (_, kind) in list(self._pools.items()):
            if kind is not JobKind.DEPLOYMENT:
                self._attempts[job].cancel()
        tasks = list(self._attempts.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # Beside the rounds

    def _arrive(self) -> None:
        now = timezone.now()
        recovery.register(self.name, now)
        recovery.take_up(self._configuration, now)
        log_rules.install()

    async def _renew_for_ever(self) -> None:
        """Keep the leases. Whoever cannot for a whole lease has lost them, and ends what another may start."""
        self._renewed = time.monotonic()
        while True:
            await asyncio.sleep(self._configuration.lease_seconds / 4)
            asked = time.monotonic()
            try:
                await self._in_database(lambda: runners.renew(self.name, timezone.now(), self._lease))
                self._renewed = asked
            except Exception:
                logger.exception("leases could not be renewed")
            held = await self._held()
            for job in [job for job in self._attempts if job not in held]:
                logger.warning("job %s is lost: its lease has ended", job)
                self._attempts[job].cancel()

    async def _held(self) -> set[int]:
        if time.monotonic() - self._renewed > self._configuration.lease_seconds:
            return set()
        try:
            return set(await self._in_database(lambda: jobs.in_hand(self.name)))
        except Exception:
            logger.exception("leases could not be read")
            return set(self._attempts)

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
        self._side.pop(task, None)
        self._wake.set()

    def _wake_threadsafe(self) -> None:
        self._loop.call_soon_threadsafe(self._wake.set)

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
