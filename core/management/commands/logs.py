"""Show the log of a job."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from typing import Any

from channels.db import database_sync_to_async
from django.core.management.base import CommandError, CommandParser

from core.logs import places
from core.logs.follow import follow
from core.logs.render import coloured, plain
from core.management import database
from core.management.base import DeployerCommand
from core.models import Job
from core.queries import job_logs
from core.services import hints
from core.states import JobState


class Command(DeployerCommand):
    help = (
        "Show the log of a job; with -f until the job is over. On a terminal with its colours, elsewhere without; nothing "
        "in it can make a terminal do anything else. Exit status with -f: 0 if the job succeeded, 1 if not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("job", type=int, metavar="JOB", help="number of a job, as pages and logs show it")
        parser.add_argument("-f", "--follow", action="store_true", help="go on until the job is over")
        parser.add_argument("-n", "--lines", type=int, metavar="N", help="begin with the last N lines (default: all)")

    def handle(self, *_: Any, job: int, lines: int | None, **options: Any) -> None:
        with database.needed():
            row = Job.objects.filter(pk=job).first()
            if row is None:
                raise CommandError(f"there is no job {job}")
            if absence := job_logs.absence(row):
                raise CommandError(absence)
            with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
                asyncio.run(self._show(row, lines, until_over=options["follow"]))
                if options["follow"]:
                    self._tell_the_end(job)

    async def _show(self, job: Job, last: int | None, *, until_over: bool) -> None:
        store = places.store()
        offset = 0
        if last is not None:
            end = store.size(job.log)
            offset = max(0, end - len(store.tail(job.log, last, limit=end))) if last > 0 else end
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        begun = ""
        async with hints.listening(hints.log_group(job.pk), hints.PAGES) as hinted:
            over = (lambda: _is_over(job.pk)) if until_over else _yes
            async for chunk in follow(store, job.log, offset, finished=over, wake=hinted):
                # Whole lines: what makes a line safe for a terminal has to see all of it.
                text, newline, begun = (begun + decoder.decode(chunk.data)).rpartition("\n")
                self._write(text + newline)
        self._write(begun)

    def _write(self, text: str) -> None:
        if text:
            safe = coloured if self.stdout.isatty() else plain
            self.stdout.write(safe(text.encode()), ending="")
            self.stdout.flush()

    def _tell_the_end(self, key: int) -> None:
        job = Job.objects.get(pk=key)
        if job.state != JobState.SUCCEEDED:
            cause = f"\nProbable cause: {job.cause}" if job.cause else ""
            raise CommandError(f"job {key} has {job.state}: {job.reason}{cause}")


@database_sync_to_async
def _is_over(key: int) -> bool:
    return not Job.objects.active().filter(pk=key).exists()


async def _yes() -> bool:
    return True
