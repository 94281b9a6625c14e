"""Write the generated pages of the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.test import RequestFactory
from django.urls import resolve

from core.management import reference
from core.management.base import DeployerCommand
from core.plugins import plugins

_ROLES = ("sources", "builders", "deployers", "notifiers", "gates", "inputs")


class Command(DeployerCommand):
    help = "Write the pages of docs/reference that are generated from the code, or check that they are current."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is not current")
        parser.add_argument("--directory", type=Path, default=Path("docs/reference"), help="default: %(default)s")

    def handle(self, *_: Any, check: bool, directory: Path, **__: Any) -> None:
        pages = reference.pages({role: plugins.kinds(role) for role in _ROLES}, plugins.settings(), _api())
        stale = [name for name, text in pages.items() if _read(directory / name) != text]
        if check and stale:
            raise CommandError(f"not current: {', '.join(stale)}; run `make reference` and commit what it writes")
        for name in stale:
            (directory / name).write_text(pages[name])
            self.stdout.write(f"wrote {directory / name}")


def _api() -> dict[str, Any]:
    """The description of the API, as anybody gets it: commands do not know it."""
    answer = resolve("/api/openapi.json").func(RequestFactory().get("/api/openapi.json"))
    found: dict[str, Any] = json.loads(answer.content)
    return found


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None
