"""Moving one service to one release, step by step; whatever happens, either the old or the new is in place after it.

    copy ─> trial ─> switch ─> run ─> healthy ─> settle
      └───────┴────────┴────────┴───────┴─> go back: switch, run, healthy?

A runner that is killed leaves a directory in which the same steps, for the same release or another, find out by looking
where they are. Before the switch nothing happens to what runs.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from core.api import Context, DeploymentFailed, OperationError, Stalled, to_the_end
from plugins.host import activation, checks, health, ports, supervision, trial
from plugins.host.artifacts import ArtifactStore
from plugins.host.commands import search_path, way_of_running
from plugins.host.health import Answer
from plugins.host.options import DeployerOptions
from plugins.host.releases import HostRelease, ServiceDirectory
from plugins.host.sandbox import own_tools
from plugins.host.waiting import in_thread

#: Seconds in which the old release has to be healthy again after a cancel, when nobody wants to wait.
_HURRY = 5.0
#: Bytes of a service's output that are shown when it does not come up.
_TAIL = 4000


class Unfit(Exception):  # noqa: N818  it becomes a DeploymentFailed once it is known what runs
    """The release is not what can run here.

    :param unhealthy: the release is to blame, and nothing else here.
    """

    def __init__(self, reason: str, *, unhealthy: bool = True) -> None:
        super().__init__(reason)
        self.unhealthy = unhealthy


class Move:
    """One deployment of a service in its directory, which the caller holds.

    :param digest: the release to move to.
    """

    def __init__(self, place: ServiceDirectory, digest: str, options: DeployerOptions, context: Context) -> None:
        self._place = place
        self._options = options
        self._context = context
        self._log = context.log
        self._new = place.planned(digest, self._spec(options.port))
        self._before = place.current
        #: What to go back to. A release that a killed deployment switched to and never settled is not it.
        self._old = place.settled or self._before
        self._switched = False

    async def run(self) -> None:
        """Do it.

        :raises DeploymentFailed: it was not moved.
        :raises OperationError: the disk refuses, or processes cannot be ended.
        """
        await trial.sweep(self._place)
        await activation.sweep(self._place)
        await in_thread(self._place.sweep)
        self._log.note(checks.explained(self._new))
        if not await self._is_live():
            try:
                await self._ready()
                await self._switch()
            except (Exception, asyncio.CancelledError) as error:
                await self._give_up(error)
                raise
        self._place.settle(self._new, datetime.now(UTC))
        await in_thread(partial(self._place.prune, self._options.keep))

    def _spec(self, port: int | None) -> dict[str, object]:
        return way_of_running(self._options, port=port, path=search_path(own_tools()), home=str(self._place.home))

    async def _is_live(self) -> bool:
        if not _same(self._before, self._new) or self._is_half_activated():
            return False
        answer = await checks.ask(self._place.path, self._new)
        self._log.note(f"{_short(self._new)} is in place already, and {answer.detail}")
        return answer.healthy

    def _is_half_activated(self) -> bool:
        return bool(self._new.spec["activate"]) and (self._place.activating.exists() or not self._place.settled)

    # Before the switch

    async def _ready(self) -> None:
        """Have the release ready, and find out what can be found out before anything is switched."""
        if not self._place.release(self._new.name):
            await self._copy()
        if self._options.has_trial:
            await self._try()
        if self._options.command and ports.is_strangers(self._options.port, self._place.path, self._before):
            reason = f"another process listens on port {self._options.port}: end it, or set another `port`"
            raise Unfit(reason, unhealthy=False)

    async def _copy(self) -> None:
        artifact = ArtifactStore(self._context.data).path(self._new.digest)
        if not artifact:
            raise Stalled(
                f"the artifact {self._new.digest} is not on this host: it was removed, or built on another one; "
                "build the commit again, so that it is released again"
            )
        self._log.note(f"copying the artifact to {self._new.path}")
        await in_thread(partial(self._place.add, self._new, artifact))

    async def _try(self) -> None:
        spec = self._spec(ports.free())
        answer = await trial.attempt(self._place, self._new, spec, self._context)
        if not answer.healthy:
            self._tell_body(answer)
            raise Unfit(f"{_short(self._new)} is not healthy in its trial: {spec['health']} {answer.detail}")
        self._log.note(f"trial: {spec['health']} {answer.detail}")

    # The switch, and the way back

    async def _switch(self) -> None:
        self._point(self._new)
        self._switched = True
        try:
            answer = await self._run(self._new, self._options.health_timeout)
        except (OperationError, OSError) as error:
            answer = Answer(healthy=False, detail=f"is not started: {error}")
        if not answer.healthy:
            self._tell_body(answer)
            self._tell_output()
            raise Unfit(f"{_short(self._new)} {answer.detail}")
        self._log.note(f"{_short(self._new)} is live: it {answer.detail}")

    async def _give_up(self, error: BaseException) -> None:
        """Go back to the old release, and say what there is now.

        :raises DeploymentFailed: the release was unfit.
        """
        seconds = _HURRY if isinstance(error, asyncio.CancelledError) else self._options.health_timeout
        now = await to_the_end(self._go_back(seconds))
        if isinstance(error, Unfit):
            current = self._place.current
            running = current.digest if current else None
            raise DeploymentFailed(f"{error}; {now}", running=running, unhealthy=error.unhealthy) from None
        self._log.note(f"{'cancelled' if isinstance(error, asyncio.CancelledError) else 'not moved'}: {now}")

    async def _go_back(self, seconds: float) -> str:
        if self._is_old_in_place():
            if self._switched:
                return "there is no other release to go back to"
            return f"{_short(self._old)} was not touched" if self._old else "it runs nothing, as before"
        try:
            self._point(self._old)
            if not self._old:
                await supervision.stop(self._place.path, stop_timeout=self._options.stop_timeout)
                return "it runs nothing, as before"
            answer = await self._run(self._old, seconds)
        except (OperationError, OSError) as error:
            answer = Answer(healthy=False, detail=str(error))
        if answer.healthy:
            return f"{_short(self._old)} is in place again and healthy"
        return f"{_short(self._old)} is in place again, but is not healthy either: {answer.detail}"

    def _is_old_in_place(self) -> bool:
        """Whether the old release is linked and is what runs: a deployment that was killed may have parted them."""
        if not _same(self._place.current, self._old):
            return False
        if not self._old or not self._old.spec["command"]:
            return not self._place.activating.exists() or self._switched
        return supervision.look(self._place.path).release == self._old.name or self._switched

    def _point(self, release: HostRelease | None) -> None:
        before = self._place.current
        self._place.point(release)
        self._log.note(
            f"`current` was {before.name if before else 'nothing'}, it is {release.name if release else 'nothing'}"
        )

    async def _run(self, release: HostRelease, seconds: float) -> Answer:
        """Run what is behind the link, and wait until it is healthy."""
        directory, patience = self._place.path, float((self._before or release).spec["stop_timeout"])
        if not release.spec["command"] or supervision.look(directory).release == release.name:
            # What is no process any more is ended; what runs already and has to be brought up is started afresh.
            await supervision.stop(directory, stop_timeout=patience)
        if release.spec["command"]:
            await supervision.run(directory, release.name, stop_timeout=patience)
        if release.spec["activate"]:
            await activation.activate(self._place, release, self._context)
        return await health.wait(lambda: checks.ask(directory, release), seconds)

    # Telling

    def _tell_body(self, answer: Answer) -> None:
        if answer.body:
            self._log.note(f"it said: {answer.body}")

    def _tell_output(self) -> None:
        if self._new.spec["command"]:
            output = self._place.path / "service.log"
            self._log.note(f"the end of {output}:")
            self._log.write(_tail(output))


def _same(one: HostRelease | None, other: HostRelease | None) -> bool:
    return (one.name if one else "") == (other.name if other else "")


def _short(release: HostRelease | None) -> str:
    return f"release {release.digest.removeprefix('sha256:')[:12]}" if release else "no release"


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _TAIL, 0))
            return file.read(_TAIL)
    except OSError:
        return b""
