"""List the plugins."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError

from core import flavour_files
from core.management import tables
from core.management.base import DeployerCommand
from core.plugins import PluginInfo, plugins
from core.services import plugin_switches


class Command(DeployerCommand):
    help = (
        "List the plugins that were found, with what each offers and whether it works, and the flavours there are. "
        "Plugins are found by the entry points of installed distributions; DEPLOYER_DISABLED_PLUGINS names those that "
        "are left out. Exit status 1 if a plugin is broken."
    )
    # What is broken of a plugin's pages and routes comes out when they are loaded.
    requires_system_checks = "__all__"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *_: Any, **options: Any) -> None:
        with contextlib.suppress(DatabaseError):
            # Before the first `migrate` nobody can have disabled any.
            plugin_switches.refresh(now=True)
        infos, flavours = plugins.infos(), flavour_files.names()
        if options["json"]:
            found = [{**asdict(info), "state": _state(info)} for info in infos]
            self.stdout.write(json.dumps({"plugins": found, "flavours": flavours}, indent=2))
        else:
            tables.write(
                self.stdout, ("plugin", "distribution", "version", "offers", "state"), [_row(each) for each in infos]
            )
            self.stdout.write(f"Flavours: {', '.join(flavours) or 'none'}")
        broken = [info.name for info in infos if info.error]
        if broken:
            raise CommandError(f"broken: {', '.join(broken)}")


def _row(info: PluginInfo) -> tuple[str, ...]:
    offers = "; ".join(f"{role}: {', '.join(kinds)}" for role, kinds in info.offers.items())
    why = info.error or info.switched_off
    state = f"{_state(info)}: {why}" if why else _state(info)
    return info.name, info.distribution, info.version, offers, state


def _state(info: PluginInfo) -> str:
    if info.disabled or info.switched_off:
        return "disabled"
    return "broken" if info.error else "ok"
