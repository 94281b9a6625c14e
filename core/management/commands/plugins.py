"""List the plugins."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.management import tables
from core.plugins import PluginInfo, plugins


class Command(BaseCommand):
    help = (
        "List the plugins that were found, with what each offers and whether it works, and the flavours there are. "
        "Plugins are found by the entry points of installed distributions; DEPLOYER_DISABLED_PLUGINS names those that "
        "are left out. Exit status 1 if a plugin is broken."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *_: Any, **options: Any) -> None:
        infos, flavours = plugins.infos(), plugins.flavour_names()
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
    state = f"{_state(info)}: {info.error}" if info.error else _state(info)
    return info.name, info.distribution, info.version, offers, state


def _state(info: PluginInfo) -> str:
    if info.disabled:
        return "disabled"
    return "broken" if info.error else "ok"
