"""Freeze a flavour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core import clock
from core.management.acting import ActingCommand, add_length, find_flavour
from core.services import holds


class Command(ActingCommand):
    help = (
        "Have nothing of a flavour deployed until `unfreeze`, or for a time. Builds and releases go on, and so do "
        "rollbacks that somebody asks for."
    )
    needs_reason = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("flavour", metavar="FLAVOUR")
        super().add_arguments(parser)
        add_length(parser)

    def act(self, user: User, *, flavour: str = "", reason: str = "", time: timedelta | None = None, **_: Any) -> str:
        until = clock.now() + time if time else None
        return holds.freeze(find_flavour(flavour), user, reason=reason, until=until).sentence
