"""Enable a plugin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.management.acting import ActingCommand
from core.services import plugin_switches


class Command(ActingCommand):
    help = "Use a plugin again that somebody disabled."
    needs_reason = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plugin", metavar="NAME", help="as `manage.py plugins` lists it")
        super().add_arguments(parser)

    def act(self, user: User, *, plugin: str = "", reason: str = "", **_: Any) -> str:
        return f"Plugin {plugin_switches.enable(plugin, user, reason=reason).plugin} is used again."
