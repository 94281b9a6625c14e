"""Have runners take jobs again."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.management.acting import ActingCommand, find_runners
from core.services import runners


class Command(ActingCommand):
    help = "Have a runner that is being drained take jobs again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("runner", metavar="RUNNER", help="its name, or a host's: `manage.py processes` has both")
        super().add_arguments(parser)

    def act(self, user: User, *, runner: str = "", reason: str = "", **_: Any) -> str:
        rows = [runners.undrain(row, user, reason=reason) for row in find_runners(runner, drained=True)]
        return "\n".join(f"{row} takes jobs again." for row in rows)
