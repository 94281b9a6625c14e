"""Whether a process of this container is well."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import configuration, liveness


class Command(BaseCommand):
    help = (
        "Tell in one line whether the processes of this container are well, for its health check: exit status 1 if not. "
        "It reads the sign of life that the process leaves in DEPLOYER_LIFE_DIR, and asks the web whether it is ready. "
        "A web that answers is well even when it is not ready, as it tells why."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", nargs="?", choices=liveness.ROLES, help="the one to look at (all that run)")

    def handle(self, *_: Any, role: str | None, **__: Any) -> None:
        well, said = liveness.look_at(configuration.current().life_dir, [role] if role else [])
        if not well:
            raise CommandError(said)
        self.stdout.write(said)
