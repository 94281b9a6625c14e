"""Disable a plugin."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.management.acting import ActingCommand
from core.services import plugin_switches


class Command(ActingCommand):
    help = (
        "Have nothing of a plugin used until `enable_plugin`, while everything runs: what needs it waits and says so. "
        "What it has in hand goes on."
    )
    needs_reason = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plugin", metavar="NAME", help="as `manage.py plugins` lists it")
        super().add_arguments(parser)

    def act(self, user: User, *, plugin: str = "", reason: str = "", **_: Any) -> str:
        return f"{plugin_switches.disable(plugin, user, reason=reason).sentence}."
