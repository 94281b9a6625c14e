"""Set from which level on a flavour's operations wait for approval."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core import clock
from core.errors import RefusedError
from core.management.acting import ActingCommand, find_flavour, length
from core.services import flavours
from core.states import Level


class Command(ActingCommand):
    help = "Say from which level on a flavour's operations wait for approval, or set it: nothing waits with `none`."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("flavour", metavar="FLAVOUR")
        words = ", ".join(level.word for level in Level)
        parser.add_argument("level", nargs="?", default="", metavar="LEVEL", help=f"none, {words}")
        super().add_arguments(parser)
        parser.add_argument(
            "--for", dest="time", type=length, metavar="LENGTH", help="30m, 2h, 3d or 1w; after that nothing waits"
        )

    def act(
        self,
        user: User,
        *,
        flavour: str = "",
        level: str = "",
        reason: str = "",
        time: timedelta | None = None,
        **_: Any,
    ) -> str:
        row = find_flavour(flavour)
        if level:
            if not reason:
                raise RefusedError("say why with --reason: everybody who waits will read it")
            lifts_at = clock.now() + time if time else None
            row = flavours.set_threshold(row, flavours.read_threshold(level), user, reason=reason, lifts_at=lifts_at)
        return flavours.waits(row, clock.now())
