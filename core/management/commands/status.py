"""Tell what every service runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from core import clock
from core.management import database, tables
from core.management.base import DeployerCommand
from core.models import Flavour
from core.pipeline.validate import unknown
from core.queries import overview, running
from core.queries.overview import Attention, Tile
from core.services.scope import Scope


class Command(DeployerCommand):
    help = (
        "Tell what every service runs, since when, and why it is not further. Reads the database alone: nothing outside "
        "is asked. Somebody who was woken up begins with `status --problems`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flavour", default="", metavar="NAME", help="the services of this flavour alone")
        parser.add_argument(
            "--problems",
            action="store_true",
            help="what is broken, held or on its way alone; exit status 1 if any is broken",
        )
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *_: Any, flavour: str, problems: bool, **options: Any) -> None:
        with database.needed():
            services = self._services(flavour)
            tiles = {tile.service.pk: tile for tile in overview.tiles(Scope(flavour), clock.now())}
        if problems:
            rank = list(Attention)
            services = [each for each in services if _attention(each, tiles) is not Attention.FINE]
            services.sort(key=lambda each: rank.index(_attention(each, tiles)))
        if options["json"]:
            self.stdout.write(json.dumps([asdict(each) for each in services], indent=2, cls=DjangoJSONEncoder))
        elif not services:
            self.stdout.write("All services are as they should be." if problems else "No service is declared.")
        else:
            rows = [_row(each, tiles.get(each.id)) for each in services]
            tables.write(self.stdout, ("service", "status", "runs", "health", "reason"), rows)
        broken = [each.full_name for each in services if _attention(each, tiles) is Attention.BROKEN]
        if problems and broken:
            raise CommandError(f"broken: {', '.join(broken)}")

    def _services(self, flavour: str) -> list[running.ServiceNow]:
        names = list(Flavour.objects.values_list("name", flat=True))
        if flavour and flavour not in names:
            raise CommandError(f"flavour {unknown(flavour, names)}")
        return running.services(Scope(flavour))


def _attention(service: running.ServiceNow, tiles: Mapping[int, Tile]) -> Attention:
    return tiles[service.id].attention if service.id in tiles else Attention.MOVING


def _row(service: running.ServiceNow, tile: Tile | None) -> tuple[str, ...]:
    status = service.status or "unknown"
    return service.full_name, status, _runs(service), service.health, _reason(service, tile)


def _runs(service: running.ServiceNow) -> str:
    if service.runs is None:
        return "nothing yet"
    since = f" since {service.runs.since:%Y-%m-%d %H:%M} UTC" if service.runs.since else ""
    return f"{service.runs.image} at {service.runs.commit[:10]}{since}"


def _reason(service: running.ServiceNow, tile: Tile | None) -> str:
    # What gates say stands in the job's reason, with who can lift them.
    sentences = [] if tile and tile.gates else [service.reason]
    if tile and tile.hold:
        sentences.append(tile.hold.sentence)
    if tile and tile.job and tile.reason and tile.reason != service.reason:
        sentences.append(f"job {tile.job.pk}: {tile.reason}")
    if service.rollback:
        sentences.append(f"{service.rollback.asked_by} had it go back: {service.rollback.reason}")
    sentences += [
        f"release of {each.commit[:10]} is not tried again: {each.found}"
        for each in service.unhealthy
        if each.found != service.reason
    ]
    if service.drift:
        sentences.append(f"Drift: {service.drift}. {service.drift_outlook}")
    return "; ".join(filter(None, sentences))
