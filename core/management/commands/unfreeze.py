"""Lift the freeze of a flavour."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.errors import RefusedError
from core.management.acting import ActingCommand, find_flavour
from core.models import Hold
from core.services import holds


class Command(ActingCommand):
    help = "Lift the freeze of a flavour: what waits goes on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("flavour", metavar="FLAVOUR")
        super().add_arguments(parser)

    def act(self, user: User, *, flavour: str = "", reason: str = "", **_: Any) -> str:
        row = find_flavour(flavour)
        hold = Hold.objects.filter(flavour=row, service=None, lifted_at=None).first()
        if hold is None:
            raise RefusedError(f"flavour {row} is not frozen")
        holds.lift(hold, user, reason=reason)
        return f"Flavour {row} goes on."
