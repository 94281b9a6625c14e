"""Deploys unikernels as ocurrent-deployer does: a file to the machine by rsync, and `mirage-redeploy NAME` there by ssh."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import cast

from pydantic import Field, field_validator

from containers.names import ImageName
from core import api
from core.api import (
    CommandFailed,
    Context,
    Deployer,
    DeploymentFailed,
    DeployRequest,
    Health,
    Observation,
    OperationError,
    ServicePlace,
    Stalled,
    ask,
    run,
    to_the_end,
)
from plugins.mirage import remote
from plugins.mirage.options import Target, absolute
from plugins.mirage.remote import Machine, Paths, Seen
from unikernels import Unikernel, fetch

#: What a shell exits with where a command is not there, and ssh when it is ssh that failed.
_NOT_FOUND, _SSH_FAILED = 127, 255


class RedeployOptions(api.Options):
    """A machine with `mirage-redeploy`, or another command that starts a unikernel anew from its file."""

    target: Target = Field("hvt", description="What runs it: the unikernel has to be one for that.")
    file: str = Field(
        "", description="Where the image holds it: `/unikernel.hvt`. The one `/unikernel.*` of the image if empty."
    )
    directory: str = Field("/srv/unikernels", description="Where the machine keeps it, as NAME.TARGET.")
    command: str = Field("mirage-redeploy", description="The command there that starts NAME from that file.")

    @field_validator("file")
    @classmethod
    def _in_the_image(cls, value: str) -> str:
        return absolute(value) if value else value

    @field_validator("directory")
    @classmethod
    def _on_the_machine(cls, value: str) -> str:
        return absolute(value)

    @field_validator("command")
    @classmethod
    def _one_word(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*", value):
            raise ValueError("it is one word: the name of a command, or its path")
        return value


class RedeployDeployer(Deployer):
    """Keeps the former file beside the new one, and starts it again where the new one cannot be started.

    What runs is told by a record beside the file: it is written once the command has succeeded, so that a deployment that
    was cut off in the middle is not taken for done.
    """

    kind = "unikernel"
    Options = RedeployOptions

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        machine, paths = _place(service)
        seen = await _look(machine, paths)
        if not seen.sha256:
            return Observation(digest=None, health=Health.ABSENT, detail="there is no file of it")
        changed = bool(seen.digest) and seen.running is None
        drift = "its file was changed since the deployment" if changed else ""
        # The machine is not asked whether it runs: `mirage-redeploy` is all that it is known to offer.
        return Observation(digest=seen.running, detail=f"{paths.file}, {seen.sha256[:12]}", drift=drift)

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        options = cast(RedeployOptions, request.service.options)
        machine, paths = _place(request.service)
        image = ImageName.parse(request.release.reference)
        to = context.scratch / "unikernel"
        unikernel = await fetch(image, options.file, options.target, to, log=context.log)
        seen = await _look(machine, paths)
        if seen.running == request.release.digest and seen.sha256 == unikernel.sha256:
            context.log.note(f"{machine.host} runs it already")
            return
        # From here on it is quick, and half-way is the worst place to stop.
        await to_the_end(_Move(machine, paths, seen, request, context).run(unikernel))


class _Move:
    """One unikernel, moved."""

    def __init__(self, machine: Machine, paths: Paths, seen: Seen, request: DeployRequest, context: Context) -> None:
        self._machine, self._paths, self._seen = machine, paths, seen
        self._request, self._context = request, context

    async def run(self, unikernel: Unikernel) -> None:
        if self._seen.running:
            # Only what was started once is worth going back to.
            await self._there(remote.keep(self._paths), "keeping the former file")
        await self._send(unikernel)
        try:
            await self._start()
        except OperationError as error:
            raise DeploymentFailed(f"{error}. {await self._go_back()}", running=self._seen.running) from None
        record = {
            "release": self._request.release.digest,
            "image": self._request.release.image,
            "sha256": unikernel.sha256,
        }
        await self._there(remote.write_record(self._paths), "", stdin=json.dumps(record).encode())

    async def _send(self, unikernel: Unikernel) -> None:
        self._context.log.note(f"sending {unikernel.size:,} bytes to {self._machine.host}:{self._paths.file}")
        try:
            words = self._machine.rsync(str(unikernel.path), self._paths.file)
            await run(words, log=self._context.log, leash=self._context.leash)
        except CommandFailed as error:
            if error.status == _NOT_FOUND:
                raise Stalled(f"rsync is not installed on {self._machine.host}: install it there") from None
            raise OperationError(f"{self._machine.host} did not take the file: {error}") from None

    async def _start(self) -> None:
        name, command = self._request.service.name, cast(RedeployOptions, self._request.service.options).command
        self._context.log.note(f"{command} {name} on {self._machine.host}")
        try:
            words = self._machine.ssh(remote.redeploy(command, name))
            await run(words, log=self._context.log, leash=self._context.leash)
        except CommandFailed as error:
            raise _of_command(error, command, self._machine) from None

    async def _go_back(self) -> str:
        """Start the former file again; answer what became of it."""
        if not self._seen.running:
            await self._there(remote.take_away(self._paths), "taking the file away")
            return "There is nothing to go back to"
        try:
            await self._there(remote.put_back(self._paths), "putting the former file back")
            await self._start()
        except OperationError as error:
            return f"The former one could not be started again either: {error}"
        return "The former one runs again"

    async def _there(self, script: str, note: str, *, stdin: bytes = b"") -> None:
        if note:
            self._context.log.note(note)
        await _ask(self._machine, script, stdin=stdin, leash=self._context.leash)


def _place(service: ServicePlace) -> tuple[Machine, Paths]:
    options = cast(RedeployOptions, service.options)
    if not remote.NAME.fullmatch(service.name):
        raise Stalled(f"{service.name!r} cannot be a unikernel's name: a letter, then letters, digits, `-` and `_`")
    if not service.host:
        raise Stalled(f"service {service.name!r} needs a host: the machine that runs it, as `user@host`")
    return Machine.parse(service.host), Paths(file=f"{options.directory}/{service.name}.{options.target}")


async def _look(machine: Machine, paths: Paths) -> Seen:
    return Seen.parse(await _ask(machine, remote.look(paths)))


async def _ask(machine: Machine, script: str, *, stdin: bytes = b"", leash: int | None = None) -> bytes:
    try:
        return await ask(machine.ssh(script), stdin=stdin, leash=leash)
    except OperationError as error:
        if type(error) is Stalled:  # there is no ssh on this host
            raise
        raise OperationError(f"{machine.host}: {error}") from None


def _of_command(error: CommandFailed, command: str, machine: Machine) -> OperationError:
    if error.status == _NOT_FOUND:
        how = "install it there, or name another by the option `command`"
        return Stalled(f"{command} is not installed on {machine.host}: {how}")
    if error.status == _SSH_FAILED:
        return OperationError(f"the connection to {machine.host} broke while it started the unikernel")
    return Stalled(f"{command} on {machine.host} exited with status {error.status}")
