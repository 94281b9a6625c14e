"""Keeps unikernels on Albatross hosts at their releases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import cast

from containers.names import ImageName
from core.api import (
    Context,
    Deployer,
    DeploymentFailed,
    DeployRequest,
    Health,
    Observation,
    OperationError,
    Release,
    ServicePlace,
    Stalled,
    to_the_end,
)
from plugins.albatross.differences import differences, processors
from plugins.albatross.host import Host
from plugins.albatross.move import Move, NotMovedError, Program
from plugins.albatross.options import AlbatrossOptions
from plugins.albatross.records import Record
from plugins.albatross.replies import Info
from plugins.albatross.usage import Usage
from unikernels import Unikernel, fetch
from unikernels.solo5 import Device


class AlbatrossDeployer(Deployer):
    """Sends the unikernel of a release to its host, and puts the former one back where the new one does not keep running."""

    kind = "albatross"
    Options = AlbatrossOptions

    def __init__(self) -> None:
        self._usage = Usage()

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        host = Host.of(service)
        info = await host.info()
        if info is None:
            return Observation(digest=None, health=Health.ABSENT, detail=f"no unikernel {host.name} runs there")
        record = await asyncio.to_thread(Record.read, data, service)
        known = record if record and record.sha256 == info.sha256 else None
        return Observation(
            digest=known.release if known else None,
            health=Health.HEALTHY,
            since=info.started,
            detail=self._detail(host, info),
            drift=differences(info.configuration, known.options.configuration()) if known else "",
        )

    def _detail(self, host: Host, info: Info) -> str:
        detail = f"{info.sha256[:12]}, {info.configuration.memory} MB, {processors(info.configuration)}"
        used = self._usage.latest(host)
        return f"{detail}; {used.processor:.1f} s of processor, {used.memory >> 20} MB resident" if used else detail

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        options = cast(AlbatrossOptions, request.service.options)
        host = Host.of(request.service)
        unikernel = await _unikernel(request.release, options, context, "unikernel")
        _check_devices(unikernel, options)
        record = await asyncio.to_thread(Record.read, context.data, request.service)
        seen = await host.info()
        # What was started ends what ran: from there on it is quick, and half-way is the worst place to stop.
        await to_the_end(_Deployment(host, request, context, record, seen).run(unikernel))


class _Deployment:
    def __init__(
        self, host: Host, request: DeployRequest, context: Context, record: Record | None, seen: Info | None
    ) -> None:
        self._host, self._request, self._context = host, request, context
        self._record, self._seen = record, seen
        self._options = cast(AlbatrossOptions, request.service.options)

    async def run(self, unikernel: Unikernel) -> None:
        program = await _program(unikernel, self._request.release, self._options)
        runs = self._runs(program)
        if runs and self._is_recorded(program.sha256):
            self._context.log.note(f"{self._host.client.address} runs it already")
        else:
            await self._move(program, runs=runs)
        self._keep(program.sha256, self._request.release.digest)

    def _is_recorded(self, sha256: str) -> bool:
        return self._record is not None and self._record.sha256 == sha256

    def _runs(self, program: Program) -> bool:
        seen = self._seen
        return bool(
            seen and seen.sha256 == program.sha256 and not differences(seen.configuration, program.configuration)
        )

    async def _move(self, program: Program, *, runs: bool) -> None:
        if runs:
            self._context.log.note("it was started by an attempt that was cut off: seeing whether it keeps running")
        former, options = await self._former(program), self._options
        move = Move(
            self._host, self._seen, former, self._context.log, settle=options.settle, compression=options.compression
        )
        try:
            await move.to(program, started=runs)
        except NotMovedError as error:
            running = former.release if former and error.running else None
            if former and running and not self._is_recorded(former.sha256):
                self._keep(former.sha256, running)
            raise DeploymentFailed(str(error), running=running) from None

    async def _former(self, program: Program) -> Program | None:
        """What to go back to: what runs, if it is known to have run well; else the release before, if that can be had."""
        seen = self._seen
        if seen is None or (seen.sha256 == program.sha256 and not self._is_recorded(seen.sha256)):
            return await self._before()
        image = program.image
        if seen.sha256 != program.sha256:
            self._context.log.note("keeping what runs, to go back to")
            image = await self._host.image()
        configuration = replace(seen.configuration, add_name=program.configuration.add_name)
        release = self._record.release if self._record and self._is_recorded(seen.sha256) else None
        return Program(image=image, sha256=seen.sha256, configuration=configuration, release=release)

    async def _before(self) -> Program | None:
        previous = self._request.previous
        if previous is None or previous.digest == self._request.release.digest:
            return None
        try:
            unikernel = await _unikernel(previous, self._options, self._context, "former")
        except OperationError as error:
            self._context.log.note(f"there will be nothing to go back to: {error}")
            return None
        return await _program(unikernel, previous, self._options)

    def _keep(self, sha256: str, release: str) -> None:
        service = self._request.service
        record = Record(service=service.name, host=service.host, release=release, sha256=sha256, options=self._options)
        record.write(self._context.data, service)


async def _program(unikernel: Unikernel, release: Release, options: AlbatrossOptions) -> Program:
    return Program(
        image=await asyncio.to_thread(unikernel.path.read_bytes),
        sha256=unikernel.sha256,
        configuration=options.configuration(),
        release=release.digest,
    )


async def _unikernel(release: Release, options: AlbatrossOptions, context: Context, name: str) -> Unikernel:
    image = ImageName.parse(release.reference)
    return await fetch(image, options.file, options.target, context.scratch / name, log=context.log)


def _check_devices(unikernel: Unikernel, options: AlbatrossOptions) -> None:
    """See that it is given the devices that it asks for: the host would refuse it, after it has ended the former one."""
    configuration = options.configuration()
    for kind, option, names in [
        (Device.NETWORK, "networks", [each.name for each in configuration.networks]),
        (Device.BLOCK, "blocks", [each.name for each in configuration.blocks]),
    ]:
        wanted = sorted(unikernel.note.named(kind))
        if wanted != names:
            raise Stalled(
                f"the unikernel wants these {kind} devices: {', '.join(wanted) or 'none'}; the option `{option}` gives"
                f" {', '.join(names) or 'none'}"
            )
