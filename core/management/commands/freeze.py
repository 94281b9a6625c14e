"""Freeze a flavour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser
from django.utils import timezone

from core.management.acting import ActingCommand, find_flavour, length
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
        parser.add_argument(
            "--for", dest="time", type=length, metavar="LENGTH", help="30m, 2h, 3d or 1w; after that it lifts by itself"
        )

    def act(self, user: User, *, flavour: str = "", reason: str = "", time: timedelta | None = None, **_: Any) -> str:
        until = timezone.now() + time if time else None
        return holds.freeze(find_flavour(flavour), user, reason=reason, until=until).sentence
