"""`manage.py doctor`: whether this installation can work, and what to do where it cannot."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.engine import doctor
from core.engine.doctor_questions import Told
from core.management import findings


class Command(BaseCommand):
    help = (
        "Test every connection and setting, and say what to do where something is wrong. It needs neither the web nor a "
        "runner to be alive, and changes nothing. Exit status 1 if something is wrong."
    )
    # It runs them itself: one that fails must not keep the rest from being looked at.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["json"]:
            told = list(doctor.examine(timezone.now()))
            rows = [
                {
                    "about": each.about,
                    "level": each.finding.level,
                    "text": each.finding.text,
                    "remedy": each.finding.remedy,
                }
                for each in told
            ]
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            told = self._tell()
        errors, warnings = findings.counted([each.finding for each in told])
        if errors:
            raise CommandError(f"{errors} wrong, {warnings} to see to", returncode=1)
        if not options["json"]:
            self.stdout.write(f"{warnings} to see to, nothing wrong" if warnings else "All is well.")

    def _tell(self) -> list[Told]:
        self.stdout.write("Looked at from this process: neither the web nor a runner has to be alive.")
        colours = self.style.SUCCESS("") != "" or self.stdout.isatty()
        told = []
        for about, group in groupby(doctor.examine(timezone.now()), key=lambda each: each.about):
            self.stdout.write(about)
            for each in group:
                findings.write(self.stdout, each.finding, colours=colours, indent="  ")
                told.append(each)
        return told
