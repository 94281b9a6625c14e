"""A project on an engine: its images are pulled, compose brings it up, and the engine tells what became of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import yaml

from containers import pulls
from containers.engine import Engine
from containers.names import ImageName
from core.api import CommandFailed, Context, Log, Stalled, ask, run
from plugins.compose import commands, engines, templates
from plugins.compose.follow import Follower, UnhealthyError
from plugins.compose.options import ComposeOptions
from plugins.compose.programs import Programs
from plugins.compose.records import ProjectFile
from plugins.compose.standing import Standing, Verdict, short


class Project:
    """What can be done with a project.

    :param name: as compose knows it.
    :param directory: where compose is run; nothing is read from it.
    """

    def __init__(
        self, engine: Engine, name: str, options: ComposeOptions, directory: Path, programs: Programs, context: Context
    ) -> None:
        self.name = name
        self.engine = engine
        self._options = options
        self._directory = directory
        self._programs = programs
        self._context = context
        self._log = context.log

    async def look(self) -> Standing:
        """See what its containers do.

        :raises OperationError: the engine does not answer.
        """
        return await engines.look(self.engine, self.name)

    async def prepare(self, file: ProjectFile) -> None:
        """Have compose check a file, and the engine pull its images. Nothing of the project is changed.

        :raises Stalled: the file is none, or an image is not to be had.
        :raises OperationError: a registry or the engine does not answer.
        """
        for image in map(ImageName.parse, await self._images(file)):
            present = await pulls.has(self.engine, image)
            if not present and self._options.pull == "never":
                raise Stalled(f"{image} is not on {self.engine.where}, and the option `pull` is `never`")
            if not present or (self._options.pull == "always" and not image.digest):
                await pulls.pull(self.engine, image, self._log)

    async def bring_up(self, file: ProjectFile, before: Standing) -> Standing:
        """Bring it to a file and wait until all of it is healthy and runs the file's image.

        :param before: what it did before this.
        :raises UnhealthyError: it did not become healthy; why is in the log.
        :raises OperationError: the engine does not answer.
        """
        await self._start_afresh(file, before)
        restarts = {each.id: each.restarts for each in before.containers}
        follower = Follower(self.look, templates.services(file.text), restarts, self._log)
        try:
            async with asyncio.timeout(self._options.wait):
                await self._up(file)
                await follower.tell_rules(self._options.wait)
                await follower.until_well()
        except UnhealthyError:
            await follower.tell_failures(self.engine)
            raise
        except TimeoutError:
            await follower.look()
            await follower.tell_failures(self.engine)
            limit = f"within {self._options.wait:g} s (option `wait`)"
            raise UnhealthyError(f"not all of it was healthy {limit}: {follower.waited_for}") from None
        _check_image(file, follower.seen)
        return follower.seen

    async def stop_new(self, known: tuple[str, ...]) -> None:
        """Stop every container but those that are known, and leave them there to be looked at.

        :raises OperationError: the engine does not answer.
        """
        await engines.stop(self.engine, [each for each in (await self.look()).containers if each.id not in known])

    async def _images(self, file: ProjectFile) -> list[str]:
        """The images of a file as compose understands it, its variables filled in."""
        environment = self._environment(file)
        program = await self._programs.find(environment)
        try:
            said = await ask(
                commands.config(program, self.name),
                cwd=self._directory,
                env=environment,
                stdin=file.text.encode(),
                leash=self._context.leash,
            )
            services = yaml.safe_load(said)["services"].values()
        except CommandFailed as error:
            self._programs.forget()
            raise Stalled(
                f"{program} does not accept the file: {' '.join(str(error).partition(': ')[2].split())}"
            ) from None
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise Stalled(f"{program} printed a file that cannot be read: {error}") from None
        return sorted({str(each["image"]) for each in services if each.get("image")})

    async def _start_afresh(self, file: ProjectFile, before: Standing) -> None:
        """Restart what runs the right image and is not well: compose itself would leave it as it is."""
        for each in before.of(file.main):
            if each.digest == file.digest and each.runs and each.verdict(each.restarts) is Verdict.FAILED:
                self._log.note(f"{each.name} is {each.told}: it is started afresh")
                await engines.start_afresh(self.engine, each)

    async def _up(self, file: ProjectFile) -> None:
        environment = self._environment(file)
        program = await self._programs.find(environment)
        words = _LastWords(self._log)
        try:
            await run(
                commands.up(program, self.name, remove_orphans=self._options.remove_orphans),
                log=words,
                leash=self._context.leash,
                cwd=self._directory,
                env=environment,
                stdin=file.text.encode(),
            )
        except CommandFailed as error:
            self._programs.forget()
            raise UnhealthyError(f"{program}: {words.last or error}") from None

    def _environment(self, file: ProjectFile) -> dict[str, str]:
        home = self._context.scratch / "docker"
        plugins = Path.home() / ".docker" / "cli-plugins"
        if not home.exists():
            home.mkdir(mode=0o700)
            if plugins.is_dir():
                (home / "cli-plugins").symlink_to(plugins)
        variables = {**file.env, "IMAGE": file.reference}
        return commands.environment(os.environ.get("PATH", ""), home, self.engine.environment, variables)


def _check_image(file: ProjectFile, seen: Standing) -> None:
    for service in file.main:
        others = [each for each in seen.of([service]) if file.digest and each.digest != file.digest]
        if others or not seen.of([service]):
            runs = short(others[0].digest) or others[0].reference if others else "nothing"
            raise UnhealthyError(f"{service} runs {runs}, and not {short(file.digest)}")


class _LastWords:
    """A log that remembers the last line that was printed: why compose failed."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept = b""

    def write(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-4000:]
        self._log.write(data)

    def note(self, text: str) -> None:
        self._log.note(text)

    def redact(self, secret: str) -> None:
        self._log.redact(secret)

    @property
    def last(self) -> str:
        lines = [line.strip() for line in self._kept.decode(errors="replace").splitlines() if line.strip()]
        faults = [line for line in lines if line.lower().startswith(("error", "cannot"))]
        return (faults or lines or [""])[-1][:500]
