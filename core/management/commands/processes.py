"""Tell which process runs what."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from core import clock
from core.management import database, tables
from core.management.base import DeployerCommand
from core.queries import processes
from core.queries.processes import Condition, ProcessNow


class Command(DeployerCommand):
    help = (
        "Tell of every web, runner and qcluster on all hosts: its version, whether it is alive, and what it has in hand. "
        "Reads the database alone. One that was killed is shown as gone for an hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *_: Any, **options: Any) -> None:
        with database.needed():
            told = processes.found(clock.now())
        if options["json"]:
            self.stdout.write(json.dumps([asdict(each) for each in told.processes], indent=2, cls=DjangoJSONEncoder))
            return
        if told.upgrade:
            self.stderr.write(told.upgrade)
        if not told.processes:
            self.stdout.write("No process is known: start `manage.py run_runner`, `run_web` and `qcluster`.")
            return
        columns = ("kind", "name", "version", "started", "state", "in hand")
        tables.write(self.stdout, columns, [_row(each) for each in told.processes])


def _row(each: ProcessNow) -> tuple[str, ...]:
    version = f"{each.version or 'unknown'}{' (older)' if each.older else ''}"
    return each.kind, each.name, version, f"{each.started_at:%Y-%m-%d %H:%M} UTC", _state(each), _in_hand(each)


def _state(each: ProcessNow) -> str:
    sentences = [each.words]
    if each.drain and each.condition is not Condition.GONE:
        ends = ", and ends then" if each.drain.ends else ""
        sentences.append(f"drained by {each.drain.by}: {each.drain.reason}{ends}")
    if each.is_skewed:
        sentences.append(f"its clock is {each.clock} s ahead of the database's")
    return "; ".join(sentences)


def _in_hand(each: ProcessNow) -> str:
    if each.followers is not None:
        return f"{each.followers} live pages and logs"
    return ", ".join(f"job {job.id}" for job in each.jobs[:10]) + (" …" if each.jobs[10:] else "")
