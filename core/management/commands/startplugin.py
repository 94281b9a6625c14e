"""Begin a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.errors import ConfigurationError
from core.management import skeleton
from core.management.base import DeployerCommand
from core.plugins import plugins


class Command(DeployerCommand):
    help = (
        "Write the package of a new plugin: its entry point, a working skeleton with its options, and the tests that "
        "every plugin of its kind passes. It can be installed, is found and does something at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what declarations call it: small letters, digits and `_`")
        parser.add_argument("--kind", required=True, choices=skeleton.kinds(), help="what it is to be")
        parser.add_argument(
            "--directory", type=Path, help="where it is written; made anew (default: deployer-NAME, here)"
        )

    def handle(self, *_: Any, name: str, kind: str, directory: Path | None, **__: Any) -> None:
        try:
            skeleton.check_name(name, _taken())
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        place = directory or Path(f"deployer-{name.replace('_', '-')}")
        if place.exists():
            raise CommandError(f"{place} exists already: name another --directory, or remove it")
        for path, text in skeleton.package(name, kind).items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        self.stdout.write(
            f"Wrote {place}. Next:\n"
            f"  pip install -e '{place}[dev]'\n"
            f"  manage.py plugins          # lists {name}\n"
            f"  cd {place} && pytest\n"
            f"Then read {place / 'README.md'}."
        )


def _taken() -> set[str]:
    infos = plugins.infos()
    kinds = {kind for info in infos for offered in info.offers.values() for kind in offered}
    return {info.name for info in infos} | kinds
