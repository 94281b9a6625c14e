"""One attempt at one job: its log, its deadline, its scratch directory, and the verdict on how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from django.db import InterfaceError
from django.db import OperationalError as DatabaseAwayError

from core import clock
from core.configuration import Configuration
from core.engine import blame, diagnosis, execute
from core.engine.reasons import Deadline
from core.errors import SHORT_OF, ConfigurationError, DeployerError, DeploymentFailed, OperationError, Stalled, Waiting
from core.logs import places
from core.logs.diagnosis import Diagnosis
from core.logs.writer import LogWriter
from core.models import Job
from core.operation_values import Context
from core.processes import Leash
from core.states import JobKind, JobState
from core.versions import VERSION

#: Attempts before an error that may pass counts as one that will not, and the seconds before the second of them.
MAX_ATTEMPTS, FIRST_RETRY = 5, 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended. With `retry_at` the job is queued again; `counts` says that the attempt failed.

    :param unhealthy: a service was moved and was not well then.
    :param diagnosis: what its log says of a failure.
    """

    state: JobState
    reason: str = ""
    value: str = ""
    retry_at: datetime | None = None
    counts: bool = False
    seen_digest: str | None = None
    unhealthy: bool = False
    diagnosis: Diagnosis | None = None


class Worker:
    """Runs attempts for one runner.

    :param written: called with a job's key whenever its log grows.
    :param stopping: whether the runner is being stopped.
    :param says: called with a job's key and what it waits for, whenever that changes.
    """

    def __init__(
        self,
        configuration: Configuration,
        runner: str,
        written: Callable[[int], None],
        stopping: Callable[[], bool] = lambda: False,
        says: Callable[[int, str], None] = lambda job, reason: None,
    ) -> None:
        self._configuration = configuration
        self._runner = runner
        self._scratch = configuration.data_dir / "scratch" / runner
        self._store = places.of(configuration)
        self._written = written
        self._stopping = stopping
        self._says = says

    async def attempt(self, job: Job) -> Verdict:
        """Run a job once. Cancelling it ends what it runs; the caller then knows why it was cancelled."""
        try:
            log = self._store.open(job.log, on_write=lambda: self._written(job.pk))
        except OSError as error:
            return _later(job.attempts, f"its log cannot be written: {error}")
        try:
            verdict = await self._logged(job, log)
        finally:
            # How it ended is worth more than the log's last line, which a full disk may not take.
            with contextlib.suppress(OperationError):
                log.close()
        if verdict.state is JobState.FAILED:
            verdict = replace(verdict, diagnosis=await diagnosis.of_log(self._store, job.log))
        return verdict

    async def _logged(self, job: Job, log: LogWriter) -> Verdict:
        try:
            log.note(_first_words(job, self._runner))
            verdict = Verdict(JobState.SUCCEEDED, value=await self._run(job, log))
        except asyncio.CancelledError:
            _say(log, "cancelled")
            raise
        except Exception as error:  # noqa: BLE001  whatever a plugin raises is its job's failure and nobody else's
            verdict = judge(error, job.attempts, gives_up=job.kind != JobKind.INPUT)
            # What the log does not show is not shown beside it either.
            verdict = replace(verdict, reason=log.hide(verdict.reason))
            if not isinstance(error, DeployerError | InterfaceError | DatabaseAwayError):
                blame.note(error)
                with contextlib.suppress(OperationError):
                    log.write("".join(traceback.format_exception(error)).encode())
        _say(log, _last_words(verdict))
        return verdict

    async def _run(self, job: Job, log: LogWriter) -> str:
        row, operation = await execute.load(job.pk)
        scratch = self._scratch / str(job.pk)
        await asyncio.to_thread(_make_empty, scratch)
        deadline = Deadline(operation.timeout, lambda reason: self._says(job.pk, log.hide(reason)))
        try:
            async with Leash(self._leash(row)).held() as leash:
                context = Context(
                    log=log,
                    scratch=scratch,
                    data=operation.data,
                    leash=leash,
                    attempt=job.attempts + 1 + job.begun_before,
                    queued_at=job.created_at,
                    waits=deadline.waits,
                    stopping=self._stopping,
                )
                return await _within(operation, context, deadline)
        finally:
            await asyncio.to_thread(_remove, scratch)

    def _leash(self, job: Job) -> Path:
        directory = self._configuration.run_dir / "leashes"
        directory.mkdir(parents=True, exist_ok=True)
        return directory / sha256(job.exclusive.encode()).hexdigest()[:32]


async def _within(operation: execute.Operation, context: Context, deadline: Deadline) -> str:
    try:
        async with deadline.kept() as timeout:
            return await operation.run(context)
    except TimeoutError:
        if not timeout.expired():
            raise
        minutes = operation.timeout / 60
        raise Stalled(f"it was ended after {minutes:.4g} minutes; to allow more, raise {operation.limit}") from None


def judge(error: Exception, attempts: int, *, gives_up: bool = True) -> Verdict:
    """Say what an error means for its job.

    :param gives_up: whether an error that may pass counts as one that will not after `MAX_ATTEMPTS`. An input is read
        for as long as it is declared.
    """
    match error:
        case Waiting():
            return Verdict(JobState.QUEUED, str(error), retry_at=clock.now() + timedelta(seconds=error.retry_in))
        case DeploymentFailed():
            return Verdict(JobState.FAILED, str(error), seen_digest=error.running, unhealthy=error.unhealthy)
        case Stalled() | ConfigurationError():
            return Verdict(JobState.FAILED, str(error))
        case OperationError():
            return _later(attempts, str(error), gives_up=gives_up)
        case InterfaceError() | DatabaseAwayError():
            # The database went away in the middle: that says nothing of the job, and counts for nothing.
            wait = timedelta(seconds=FIRST_RETRY)
            return Verdict(
                JobState.QUEUED, "The database did not answer; it is tried again", retry_at=clock.now() + wait
            )
        case OSError() if error.errno in SHORT_OF:
            return _later(attempts, str(error), gives_up=gives_up)
        case _:
            return Verdict(JobState.FAILED, f"{type(error).__name__}: {error}")


def _later(attempts: int, reason: str, *, gives_up: bool = True) -> Verdict:
    if gives_up and attempts + 1 >= MAX_ATTEMPTS:
        return Verdict(JobState.FAILED, f"given up after {MAX_ATTEMPTS} attempts: {reason}")
    wait = FIRST_RETRY * 2 ** min(attempts, MAX_ATTEMPTS - 1)
    return Verdict(JobState.QUEUED, reason, retry_at=clock.now() + timedelta(seconds=wait), counts=True)


def _first_words(job: Job, runner: str) -> str:
    if job.attempts:
        return f"{job.title}: attempt {job.attempts + 1}"
    if job.begun_before:
        why = f": {job.put_back_for}" if job.put_back_for else ""
        return f"{job.title}: taken up by runner {runner} (deployer {VERSION}){why}"
    return job.title


def _last_words(verdict: Verdict) -> str:
    if verdict.retry_at:
        return f"put off until {verdict.retry_at:%H:%M:%S}: {verdict.reason}"
    return verdict.state + (f": {verdict.reason}" if verdict.reason else "")


def _say(log: LogWriter, words: str) -> None:
    """Note something that the job's row tells too, so that a full disk does not matter."""
    with contextlib.suppress(OperationError):
        log.note(words)


def _make_empty(directory: Path) -> None:
    _remove(directory)
    directory.mkdir(parents=True)


def _remove(directory: Path) -> None:
    """Remove a directory, what a build made read-only in it (Go's module cache) as well."""
    for path, _, _ in os.walk(directory):
        Path(path).chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)
