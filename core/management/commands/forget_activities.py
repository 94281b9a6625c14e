"""Forget old activities: the one way to shorten the record of what people did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core import clock
from core.management.acting import ActingCommand
from core.services import audit


class Command(ActingCommand):
    help = (
        "Forget what people did longer ago than so many days, and record that, with who did it and why. Nothing else "
        "deletes or changes an activity: the database refuses it."
    )
    needs_reason = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, required=True, metavar="N", help="keep those of the last N days")
        super().add_arguments(parser)

    def act(self, user: User, *, days: int = 0, reason: str = "", **_: Any) -> str:
        count = audit.forget_before(clock.now() - timedelta(days=max(days, 0)), user, reason=reason)
        return f"{count} activities are forgotten."
