"""Write the list of all services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import flavour_files
from core.errors import DeployerError
from core.management.base import DeployerCommand
from core.pipeline.inventory import markdown
from core.queries.inventory import declared

#: What is no team's flavour.
_EXAMPLES = ("demo",)


class Command(DeployerCommand):
    help = (
        "Write docs/services.md: what the flavours keep deployed, with their repositories, Dockerfiles, platforms, branches, "
        "images and hosts. The page /services/ shows the same, with what was added in the admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--flavour",
            action="append",
            metavar="NAME",
            help="only this flavour (may be repeated); all but the demo if left out",
        )
        parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not current")
        parser.add_argument(
            "--output",
            type=Path,
            default=Path("docs/services.md"),
            help="the file to write, `-` to print it; default: %(default)s",
        )

    def handle(self, *_: Any, flavour: list[str] | None, check: bool, output: Path, **__: Any) -> None:
        names = flavour or [name for name in flavour_files.names() if name not in _EXAMPLES]
        try:
            text = markdown([declared(flavour_files.load(name)) for name in names])
        except DeployerError as error:
            raise CommandError(str(error)) from None
        if str(output) == "-":
            self.stdout.write(text, ending="")
        elif (output.read_text() if output.exists() else None) == text:
            return
        elif check:
            raise CommandError(f"{output} is not current: run `manage.py describe_services` and commit what it writes")
        else:
            output.write_text(text)
            self.stdout.write(f"wrote {output}")
