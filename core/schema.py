"""Which tables this version knows, and what a migration says that takes away what an older one uses.

Several versions work with one database while the deployer is upgraded: the migrations run first, and what is older lives
with them until it is replaced. So a migration only adds. What is used no more is taken away by a later one, the *contract
step*, which holds `Minimum`: code that does not know that migration yet refuses to start, and stops where it runs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython


@cache
def known() -> int:
    """The number of the newest migration of this version."""
    return max(int(path.name[:4]) for path in (Path(__file__).parent / "migrations").glob("[0-9][0-9][0-9][0-9]_*.py"))


class Minimum(RunPython):
    """Let only code work with the tables from now on that knows a migration.

    :param number: of the newest migration in the release that stopped using what is taken away.
    :param because: what older code would miss, in words.
    """

    def __init__(self, number: int, because: str) -> None:
        self.number, self.because = number, because
        super().__init__(self._raise, RunPython.noop, hints={"number": number, "because": because})

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        """As it was made."""
        return "Minimum", [self.number, self.because], {}

    def describe(self) -> str:
        """For `migrate --plan`."""
        return f"Code has to know migration {self.number:04}: {self.because}"

    def _raise(self, apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        rows = apps.get_model("core", "Schema")._default_manager.using(editor.connection.alias)
        rows.update_or_create(pk=1, defaults={"minimum": self.number, "because": self.because})
