"""Let deployments through a gate no more."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.errors import ConfigurationError
from core.management.acting import ActingCommand
from core.models import GateException
from core.services import exceptions


class Command(ActingCommand):
    help = (
        "Revoke an exception from a gate, by the number that `grant_exception` told: what has not started is held again. "
        "Exit status 1 if it is in force no more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("exception", type=int, metavar="EXCEPTION", help="its number")
        super().add_arguments(parser)

    def act(self, user: User, **options: Any) -> str:
        row = GateException.objects.select_related("service", "granted_by").filter(pk=options["exception"]).first()
        if row is None:
            raise ConfigurationError(f"there is no exception {options['exception']}")
        exceptions.revoke(row, user, reason=options["reason"])
        return f"Revoked: {row.sentence}"
