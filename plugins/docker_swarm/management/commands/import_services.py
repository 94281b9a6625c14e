"""Adopt what a swarm runs: `manage.py import_services --host ocaml-www1`."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from containers.engine import Engine, connect
from containers.tunnels import close_tunnels
from core.api import DeployerError, OperationError
from plugins.docker_swarm import specs
from plugins.docker_swarm.adoption import Found, declaration, found
from plugins.docker_swarm.client import Swarm, SwarmService


class Command(BaseCommand):
    help = (
        "List the services that a swarm runs, and write a flavour file that declares them. Nothing of the swarm is "
        "changed: look the file through, give it an entry point in the group deployer.flavours, and start with "
        "`manage.py run_pipeline --flavour NAME --harmless --plan`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "services",
            nargs="*",
            metavar="SERVICE",
            help="declare these alone, as the swarm calls them; all if left out",
        )
        parser.add_argument(
            "--host", default="", help="a Docker context, an address, or a host for ssh; this host's engine if left out"
        )
        parser.add_argument("--flavour", default="imported", help="the name of the flavour (default: imported)")
        parser.add_argument(
            "--output", type=Path, help="the file to write, which must not be there yet; else it is printed"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            services = asyncio.run(_look(options["host"]))
        except DeployerError as error:
            raise CommandError(str(error)) from None
        if options["services"]:
            services = _chosen(services, options["services"])
        for row in services:
            tasks = "on every node" if row.scale is None else f"scale {row.scale}"
            self.stderr.write(
                f"{row.name}  {row.image or '?'}  {tasks}" + (f"  ({row.obstacle})" if row.obstacle else "")
            )
        text = declaration(services, options["host"], options["flavour"])
        if options["output"]:
            self._write(options["output"], text)
            self.stderr.write(f"{sum(not row.obstacle for row in services)} services declared in {options['output']}")
        else:
            self.stdout.write(text, ending="")

    def _write(self, path: Path, text: str) -> None:
        try:
            with path.open("x") as file:
                file.write(text)
        except FileExistsError:
            raise CommandError(f"{path} is there already: name another file, or remove it") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from None


def _chosen(services: list[Found], names: list[str]) -> list[Found]:
    known = [each.name for each in services]
    for name in names:
        if name not in known:
            raise CommandError(f"the swarm has no service {name!r}; it has {', '.join(sorted(known)) or 'none'}")
    return [each for each in services if each.name in names]


async def _look(host: str) -> list[Found]:
    try:
        async with connect(host) as engine:
            return [found(each, await _labels(engine, each)) for each in await Swarm(engine).services()]
    finally:
        await close_tunnels()


async def _labels(engine: Engine, service: SwarmService) -> dict[str, str]:
    """The labels of a service's image; none where this engine does not have it."""
    image = specs.image_of(service.spec)
    with contextlib.suppress(OperationError):
        for reference in (image, image.partition("@")[0]):
            if told := await engine.ask(f"/images/{reference}/json"):
                return dict((told.get("Config") or {}).get("Labels") or {})
    return {}
