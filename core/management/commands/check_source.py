"""`manage.py check_source KIND`: what of a source's configuration is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from django.core.management import CommandError, CommandParser

from core import configuration
from core.errors import DeployerError
from core.interfaces import Source
from core.management import findings
from core.management.base import DeployerCommand
from core.models import Repository
from core.plugins import plugins
from core.services import declarations
from core.services.places import repository_place
from core.values import Finding, RepositoryPlace


class Command(DeployerCommand):
    help = "Test the configuration of a source, and tell what is missing and what to do about it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", help="the kind of the source: " + ", ".join(plugins.kinds("sources")))
        parser.add_argument("--flavour", default="", help="only the repositories of this flavour")

    def handle(self, *_: Any, kind: str, flavour: str, **options: Any) -> None:
        try:
            source = plugins.source(kind)
            places, address = _places(kind, flavour)
            found = asyncio.run(self._check(source, places, f"{address}/webhooks/{kind}"))
        except DeployerError as error:
            raise CommandError(str(error)) from None
        errors, warnings = findings.counted(found)
        if errors:
            raise CommandError(f"{errors} errors and {warnings} warnings", returncode=1)
        self.stdout.write(f"{warnings} warnings, no errors" if warnings else "All is well.")

    async def _check(self, source: Source, places: Sequence[RepositoryPlace], webhook_url: str) -> list[Finding]:
        data = configuration.current().plugin_dir(source.kind)
        found = []
        async for finding in source.check(places, webhook_url, data):
            self._say(finding)
            found.append(finding)
        return found

    def _say(self, finding: Finding) -> None:
        colours = self.style.SUCCESS("") != "" or self.stdout.isatty()
        findings.write(self.stdout, finding, colours=colours)


def _places(kind: str, flavour: str) -> tuple[list[RepositoryPlace], str]:
    """The repositories of a source, and where the deployer is found.

    :raises ConfigurationError: there is no such flavour.
    """
    if flavour:
        row = declarations.load(flavour)
        repositories = Repository.objects.filter(flavour=row)
        address = row.address
    else:
        repositories = Repository.objects.all()
        first = repositories.filter(source=kind, retired_at=None).select_related("flavour").first()
        address = first.flavour.address if first else configuration.current().base_url.rstrip("/")
    rows = repositories.filter(source=kind, retired_at=None)
    return [repository_place(row) for row in rows], address
