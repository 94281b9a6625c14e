"""Which compose this host has: whichever answers. Remembered for the process, until it fails."""

from __future__ import annotations

from collections.abc import Mapping

from core.api import OperationError, Stalled, ask
from plugins.compose import commands
from plugins.compose.commands import Program


class Programs:
    """Finds compose."""

    def __init__(self) -> None:
        self._found: Program | None = None

    async def find(self, environment: Mapping[str, str]) -> Program:
        """The compose that was found before, or the first of the forms that answers.

        :param environment: what it is run with later: where plugins of `docker` are found hangs on it.
        :raises Stalled: there is none; what each form answered and how to install one is in the text.
        """
        if self._found:
            return self._found
        answers = []
        for form in commands.FORMS:
            try:
                said = (await ask(commands.version(form), env=environment)).decode(errors="replace").strip()
            except OperationError as error:
                answers.append(str(error))
                continue
            if commands.number(said) >= commands.OLDEST:
                self._found = Program(form, said)
                return self._found
            answers.append(f"{' '.join(form)} is {said[:100]!r}, which is too old")
        raise Stalled(
            f"there is no compose on this host: {commands.HOW_TO_INSTALL}. It was tried: {'; '.join(answers)}"
        )

    def forget(self) -> None:
        """Look again the next time: what fails may have been replaced."""
        self._found = None
