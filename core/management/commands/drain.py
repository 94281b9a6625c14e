"""Have runners take nothing more."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.management.acting import ActingCommand, find_runners
from core.services import runners


class Command(ActingCommand):
    help = (
        "Have a runner take nothing more: it finishes what it has in hand, and then stays idle until it is stopped or "
        "`undrain` undoes it. Do so before a host is taken down; `manage.py processes` tells when its hands are empty."
    )
    needs_reason = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("runner", metavar="RUNNER", help="its name, or a host's: `manage.py processes` has both")
        parser.add_argument("--end", action="store_true", help="end it when it has nothing in hand any more")
        super().add_arguments(parser)

    def act(self, user: User, *, runner: str = "", reason: str = "", end: bool = False, **_: Any) -> str:
        rows = [runners.drain(row, user, reason=reason, ends=end) for row in find_runners(runner, drained=False)]
        return "\n".join(f"{row} takes nothing more." for row in rows)
