"""One deployment of a project: forward, or back to what it was."""

from __future__ import annotations

import asyncio

from containers.names import digest_in
from core.api import Context, DeploymentFailed, DeployRequest, OperationError, Stalled, to_the_end
from plugins.compose import templates
from plugins.compose.follow import UnhealthyError
from plugins.compose.options import ComposeOptions
from plugins.compose.project import Project
from plugins.compose.records import Before, ProjectFile, Records
from plugins.compose.standing import Standing, short, summary


def file_for(options: ComposeOptions, project: str, reference: str) -> ProjectFile:
    """The project's file with an image in it."""
    template = options.file_template(project)
    return ProjectFile(
        digest=digest_in(reference),
        reference=reference,
        text=templates.fill(template, reference),
        env=options.env,
        main=templates.main_services(template),
    )


class Move:
    """Moves a project to a release, and puts it back when that fails or is cancelled."""

    def __init__(
        self, project: Project, records: Records, options: ComposeOptions, request: DeployRequest, context: Context
    ) -> None:
        self._project = project
        self._records = records
        self._options = options
        self._previous = request.previous
        self._context = context
        self._log = context.log
        self._file = file_for(options, project.name, request.release.reference)

    async def run(self) -> None:
        """Do it.

        :raises DeploymentFailed: it was not moved; it was put back.
        :raises OperationError: an engine or a registry does not answer; the next attempt finishes it.
        """
        standing = await self._project.look()
        self._tell_begin(standing)
        await self._prepare(standing)
        before = self._records.begin(_before(standing, self._file))
        try:
            seen = await self._project.bring_up(self._file, standing)
        except UnhealthyError as error:
            await to_the_end(self._fail(before, str(error)))
        except asyncio.CancelledError:
            # What goes on without the runner is taken up by the next attempt.
            if not self._context.stopping():
                await to_the_end(self._undo(before))
            raise
        else:
            self._settle(self._file, seen)
            self._log.note(f"project {self._project.name} is healthy: {_summary(seen)}")

    def _tell_begin(self, standing: Standing) -> None:
        runs = standing.digest(self._file.main)
        where = f"project {self._project.name} on {self._project.engine.where}"
        move = f"from {short(runs) if runs else 'nothing'} to {short(self._file.digest)}"
        self._log.note(f"{where}: {', '.join(self._file.main)} {move}")

    async def _prepare(self, standing: Standing) -> None:
        try:
            await self._project.prepare(self._file)
        except Stalled as error:
            raise DeploymentFailed(f"{error}; nothing was changed", running=standing.digest(self._file.main)) from None

    async def _fail(self, before: Before, reason: str) -> None:
        self._log.note(f"it failed: {reason}")
        end = await self._back(before)
        running = (await self._project.look()).digest(self._file.main)
        self._records.forget()
        raise DeploymentFailed(f"{reason}; {end}", running=running, unhealthy=True)

    async def _undo(self, before: Before) -> None:
        """Put back what a cancelled move began."""
        self._log.note("cancelled: it is put back to what it was")
        try:
            self._log.note(await self._back(before))
            self._records.forget()
        except OperationError as error:
            self._log.note(f"it could not be put back: {error}")

    async def _back(self, before: Before) -> str:
        """Go back to the file before and say how that ended.

        :raises OperationError: the engine does not answer.
        """
        former = self._former(before)
        if former is None:
            await self._project.stop_new(before.containers)
            before_it = "nothing that one could go back to" if before.containers else "nothing"
            return f"{before_it} ran before, so its containers are stopped"
        if former.same_as(self._file):
            return "the file before is the same, so there is nothing to go back to"
        self._log.note(f"going back to {former.reference}")
        words = f"the file before ({short(former.digest) or former.reference}) is in place again"
        try:
            await self._project.prepare(former)
            self._settle(former, await self._project.bring_up(former, await self._project.look()))
        except UnhealthyError as error:
            return f"{words}, but is not healthy either: {error}"
        except Stalled as error:
            return f"it could not be put back: {error}"
        return f"{words} and healthy"

    def _former(self, before: Before) -> ProjectFile | None:
        """The file to go back to: as it was kept, or else made from the template of today."""
        reference = self._previous.reference if self._previous else before.reference
        if not reference:
            return None
        kept = self._records.settled(digest_in(reference)) if digest_in(reference) else None
        return kept or file_for(self._options, self._project.name, reference)

    def _settle(self, file: ProjectFile, seen: Standing) -> None:
        self._records.settle(
            ProjectFile(
                digest=file.digest,
                reference=file.reference,
                text=file.text,
                env=file.env,
                main=file.main,
                made_from=seen.made_from,
            )
        )


def _before(standing: Standing, file: ProjectFile) -> Before:
    return Before(standing.reference(file.main), tuple(each.id for each in standing.containers if each.runs))


def _summary(seen: Standing) -> str:
    return summary(seen, {service: len(made) for service, made in seen.made_from.items()})
