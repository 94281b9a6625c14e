"""Tell what every service runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from core.management import database, tables
from core.models import Flavour
from core.pipeline.validate import unknown
from core.queries import running
from core.services.scope import Scope


class Command(BaseCommand):
    help = (
        "Tell what every service runs, since when, and why it is not further. Reads the database alone: nothing outside "
        "is asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flavour", default="", metavar="NAME", help="the services of this flavour alone")
        parser.add_argument("--json", action="store_true", help="for scripts")

    def handle(self, *_: Any, flavour: str, **options: Any) -> None:
        with database.needed():
            services = self._services(flavour)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(each) for each in services], indent=2, cls=DjangoJSONEncoder))
        elif not services:
            self.stdout.write("No service is declared.")
        else:
            tables.write(
                self.stdout, ("service", "status", "runs", "health", "reason"), [_row(each) for each in services]
            )

    def _services(self, flavour: str) -> list[running.ServiceNow]:
        names = list(Flavour.objects.values_list("name", flat=True))
        if flavour and flavour not in names:
            raise CommandError(f"flavour {unknown(flavour, names)}")
        return running.services(Scope(flavour))


def _row(service: running.ServiceNow) -> tuple[str, ...]:
    status = service.status or "unknown"
    return service.full_name, status, _runs(service), service.health, _reason(service)


def _runs(service: running.ServiceNow) -> str:
    if service.runs is None:
        return "nothing yet"
    since = f" since {service.runs.since:%Y-%m-%d %H:%M} UTC" if service.runs.since else ""
    return f"{service.runs.image} at {service.runs.commit[:10]}{since}"


def _reason(service: running.ServiceNow) -> str:
    sentences = [service.reason]
    if service.rollback:
        sentences.append(f"{service.rollback.asked_by} had it go back: {service.rollback.reason}")
    if service.drift:
        sentences.append(f"Drift: {service.drift}")
    return "; ".join(filter(None, sentences))
