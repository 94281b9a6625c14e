"""Run a flavour: everything in one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core import clock, configuration
from core.engine import planning, schedules
from core.engine.settled import Verdict
from core.errors import ConfigurationError
from core.management.base import DeployerCommand
from core.management.embedded import Embedded
from core.management.interruption import INTERRUPTED, Interruption
from core.management.preconditions import WRONG
from core.management.terminal import Terminal
from core.models import Repository
from core.pipeline.validate import unknown
from core.services import declarations, flavours
from core.services.scope import Scope
from core.states import Level

#: Exit status of `--once` where something failed.
FAILED = 1


class Command(DeployerCommand):
    help = (
        "Look after a flavour's repositories: build every branch and pull request, and keep its services on their "
        "deployment branches. Starts the web, a runner and the schedules, and stops them with Ctrl-C; on several hosts "
        "run `run_web`, `run_runner` and `qcluster` instead. "
        "Exit status with --once: 0 all is well, 1 something failed, 130 interrupted; 2 for a wrong configuration."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("repository", nargs="?", default="", metavar="OWNER/NAME", help="look after this one alone")
        parser.add_argument(
            "--flavour", required=True, metavar="NAME", help="see `manage.py plugins` for those there are"
        )
        risk = parser.add_mutually_exclusive_group()
        risk.add_argument(
            "--harmless",
            action="store_true",
            help="only deployment branches; nobody outside is told anything; every operation waits for approval",
        )
        risk.add_argument(
            "--confirm",
            metavar="LEVEL",
            help=f"operations of this level or above wait for approval: {', '.join(level.word for level in Level)}",
        )
        parser.add_argument(
            "--confirm-auto-release", type=int, metavar="SECONDS", help="lift the threshold of --confirm after so long"
        )
        parser.add_argument("--plan", action="store_true", help="print what would be done and why; change nothing")
        parser.add_argument("--json", action="store_true", help="with --plan: for scripts")
        parser.add_argument("--once", action="store_true", help="end when nothing is left to do; no web")
        parser.add_argument("--host", default="127.0.0.1", help="address of the web (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8000, help="port of the web (default: %(default)s)")
        parser.add_argument("--no-web", action="store_true", help="no pages and no webhooks")

    def handle(self, *_: Any, **options: Any) -> None:
        self._interruption = Interruption()
        with self._interruption.caught():
            self._interruption.begin()
            self._handle(options)
            return
        raise CommandError("interrupted", returncode=INTERRUPTED)

    def _handle(self, options: dict[str, Any]) -> None:
        try:
            declare = _declaration(options)
            _migrate()
            if options["plan"]:
                self._print(planning.make(declare), as_json=options["json"])
                return
            scope = declare()
            schedules.install()
            verdict = self._run(scope, options)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=WRONG) from None
        if verdict:
            report(verdict, Terminal())
        elif options["once"]:
            raise CommandError("interrupted before all was done", returncode=INTERRUPTED)

    def _run(self, scope: Scope, options: dict[str, Any]) -> Verdict | None:
        terminal = Terminal()
        web = None if options["no_web"] or options["once"] else (options["host"], options["port"])
        if web:
            terminal.say(f"The pages are at http://{web[0]}:{web[1]}/ ; stop with Ctrl-C.")
        embedded = Embedded(
            configuration=configuration.current(),
            scope=scope,
            terminal=terminal,
            web=web,
            once=options["once"],
            interruption=self._interruption,
        )
        return embedded.run()

    def _print(self, plan: planning.Plan, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(
                json.dumps({"steps": [asdict(step) for step in plan.steps], "unseen": plan.unseen}, indent=2)
            )
            return
        for name, reason in plan.unseen.items():
            self.stderr.write(f"{name} could not be looked at, what was known of it counts: {reason}")
        for step in plan.steps:
            commit = f" of {step.commit[:10]}" if step.commit else ""
            behind = f" (behind {'; '.join(step.gates)})" if step.gates else ""
            what = f"{step.what}{commit}{behind}"
            self.stdout.write(f"{step.when:5} {step.verb:8} {step.repository}: {what} — {step.reason}")
        if not plan.steps:
            self.stdout.write("Everything is up to date: there is nothing to do.")


def report(verdict: Verdict, terminal: Terminal) -> None:
    """Print a verdict.

    :raises CommandError: something failed.
    """
    for sentence in verdict.waiting:
        terminal.say(sentence, "yellow")
    if verdict.failed:
        raise CommandError("\n".join(verdict.failed), returncode=FAILED)
    terminal.say("All is well: nothing is left to do." if not verdict.waiting else "The rest is done.", "green")


def _declaration(options: dict[str, Any]) -> Callable[[], Scope]:
    """Check the command line; what it answers brings the rows into line with it."""
    threshold = _threshold(options)
    seconds = options["confirm_auto_release"]
    lifts_at = clock.now() + timedelta(seconds=seconds) if seconds is not None else None

    def declare() -> Scope:
        flavour = declarations.load(options["flavour"])
        names = Repository.objects.filter(flavour=flavour, retired_at=None).values_list("name", flat=True)
        if options["repository"] and options["repository"] not in names:
            raise ConfigurationError(f"repository {unknown(options['repository'], names)}")
        flavours.configure(flavour, harmless=options["harmless"], threshold=threshold, lifts_at=lifts_at)
        return Scope(flavour.name, options["repository"])

    return declare


def _threshold(options: dict[str, Any]) -> Level | None:
    if options["harmless"]:
        return Level.HARMLESS
    if options["confirm_auto_release"] is not None and not options["confirm"]:
        raise ConfigurationError("--confirm-auto-release lifts the threshold of --confirm: give that too")
    return Level.parse(options["confirm"]) if options["confirm"] else None


def _migrate() -> None:
    """Bring SQLite up to date, as nobody else would; a database that others use is left to `manage.py migrate`."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if connection.vendor != "sqlite":
        raise ConfigurationError("the database is not up to date: run `manage.py migrate` first")
    call_command("migrate", verbosity=0)
