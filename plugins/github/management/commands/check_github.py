"""`manage.py check_github`: the check of this source under a name of its own."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandParser, call_command


class Command(BaseCommand):
    help = (
        "Test the whole configuration of GitHub: as whom it is asked, which permissions and events are missing, whether "
        "webhooks arrive, which repositories cannot be seen, and which branches do not ask for the check."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flavour", default="", help="only the repositories of this flavour")

    def handle(self, *_: Any, **options: Any) -> None:
        call_command("check_source", "github", flavour=options["flavour"], stdout=self.stdout, stderr=self.stderr)
