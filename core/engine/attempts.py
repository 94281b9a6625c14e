"""The jobs that one runner has in hand: beginning them, ending them, and writing down what became of them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from core import clock, journal
from core.engine.reasons import Reasons
from core.engine.worker import Verdict, Worker
from core.models import Job
from core.services import jobs
from core.states import JobKind, JobState

logger = logging.getLogger(__name__)

#: Seconds that a deployment is given to end when the runner is asked to stop, and then for writing down how it ended.
GRACE, SETTLING = 10.0, 5.0

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


class Attempts:
    """Attempts at jobs, each a task of the runner's event loop.

    :param runner: its name, which the jobs are claimed by.
    :param stopping: whether the runner is being stopped.
    :param ended: called whenever one has ended.
    """

    def __init__(
        self,
        runner: str,
        worker: Worker,
        reasons: Reasons,
        in_database: InDatabase,
        *,
        stopping: Callable[[], bool],
        ended: Callable[[], None],
    ) -> None:
        self._runner, self._worker, self._reasons, self._in_database = runner, worker, reasons, in_database
        self._stopping, self._ended = stopping, ended
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._places: dict[int, tuple[str, JobKind]] = {}
        self._cancelled: dict[int, str] = {}
        self._ending: set[int] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def held(self) -> list[int]:
        """The keys of the jobs in hand. From any thread."""
        return list(self._tasks)

    def by_pool(self) -> Counter[str]:
        """How many of each pool are in hand. From any thread."""
        return Counter(pool for pool, _ in list(self._places.values()))

    def start(self, job: Job) -> None:
        """Begin an attempt at a job that was claimed."""
        self._places[job.pk] = (job.pool, JobKind(job.kind))
        task = self._tasks[job.pk] = asyncio.create_task(self._attempt(job), name=f"job {job.pk}")
        # One that is cancelled before it began runs none of its own code.
        task.add_done_callback(lambda _: self._forget(job.pk))

    def cancel(self, job: int, reason: str) -> None:
        """End an attempt because its job is wanted no longer."""
        if job in self._tasks and job not in self._ending:
            self._cancelled[job] = reason
            self.end(job)

    def end(self, job: int) -> bool:
        """End an attempt, once: another time would hit what it has to write down of its end. False where it was ending."""
        if job not in self._tasks or job in self._ending:
            return False
        self._ending.add(job)
        return self._tasks[job].cancel()

    async def end_all(self) -> None:
        """Put builds back at once; give deployments a moment, as half-way is the worst place to stop."""
        for job, (_, kind) in list(self._places.items()):
            if kind is not JobKind.DEPLOYMENT:
                self.end(job)
        await self._wait(GRACE)
        for job in self.held():
            self.end(job)
        await self._wait(SETTLING)
        # The database does not answer: whoever takes them over finds out what became of them.
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _wait(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=seconds)

    def _forget(self, job: int) -> None:
        self._tasks.pop(job, None)
        self._places.pop(job, None)
        self._cancelled.pop(job, None)
        self._ending.discard(job)
        self._ended()

    async def _attempt(self, job: Job) -> None:
        try:
            # Each job is a task of its own, and what is said of it stays in there.
            with journal.about(job=job.pk, repository=job.repository_id, flavour=job.flavour.name):
                verdict = await self._worker.attempt(job)
        except asyncio.CancelledError:
            verdict = self._verdict_of_end(job.pk)
        self._ending.add(job.pk)
        self._reasons.forget(job.pk)
        await self._settle(jobs.Claim(job.pk, self._runner), verdict)

    def _verdict_of_end(self, job: int) -> Verdict:
        if job in self._cancelled:
            return Verdict(JobState.CANCELLED, self._cancelled[job])
        why = (
            "was stopped while it ran this"
            if self._stopping()
            else "could not keep it: the database was not reached in time"
        )
        return Verdict(JobState.QUEUED, f"Its runner {why}", retry_at=clock.now())

    async def _settle(self, claim: jobs.Claim, verdict: Verdict) -> None:
        """Write a verdict down, however long the database takes to come back: it is known nowhere else."""
        while True:
            try:
                await self._in_database(lambda: _write(claim, verdict))
                return
            except Exception:
                logger.exception("what became of job %s could not be written down; tried again", claim.job)
                await asyncio.sleep(1)


def _write(claim: jobs.Claim, verdict: Verdict) -> None:
    if verdict.state is JobState.QUEUED:
        kept = jobs.put_back(claim, reason=verdict.reason, not_before=verdict.retry_at, counts=verdict.counts)
    else:
        kept = jobs.finish(
            claim,
            verdict.state,
            reason=verdict.reason,
            value=verdict.value,
            seen_digest=verdict.seen_digest,
            unhealthy=verdict.unhealthy,
            diagnosis=verdict.diagnosis,
        )
    if not kept:
        logger.warning("job %s was lost to another runner before it ended here", claim.job)
