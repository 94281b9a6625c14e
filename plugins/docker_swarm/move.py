"""Moving one service to one image, and what is done when that fails.

A move is a state of the swarm, not of this process: each step begins with reading what the service is, so that another
process can take a move up where this one was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from containers import pulls
from containers.engine import connect
from containers.names import ImageName, short
from core.api import Context, DeploymentFailed, DeployRequest, OperationError, Stalled, Waiting
from plugins.docker_swarm import specs
from plugins.docker_swarm.client import OutOfSequence, Swarm, SwarmService
from plugins.docker_swarm.following import Follower
from plugins.docker_swarm.memory import Memory
from plugins.docker_swarm.options import DeployerOptions
from plugins.docker_swarm.tasks import Standing, Task, standing

#: Seconds between two looks at a move.
LOOK = 0.5
#: Seconds that an engine may be silent in the middle of a move, or refuse for a fault of its own.
OUTAGE = 120
#: Seconds that tasks get to stand when the update itself is over.
SETTLE = 30
#: Seconds for asking for a rollback when the move is cancelled.
_UNDO = 15
#: How far the engine's clock and the database's may be apart.
_SKEW = timedelta(seconds=10)
#: What becomes of a move whose runner is stopped.
HANDED_OVER = "the runner is being stopped; the engine goes on, and the next attempt takes it up"


class Move:
    """One attempt to move a service. `run` returns when it runs the release and stands."""

    def __init__(self, request: DeployRequest, context: Context, options: DeployerOptions) -> None:
        self._request = request
        self._context = context
        self._options = options
        self._name = options.service or request.service.name
        self._image = ImageName.parse(request.release.reference)
        self._log = context.log
        self._follower = Follower(context.log)
        self._memory = Memory(context.data)
        self._deadline = time.monotonic() + options.timeout
        self._before: Collection[str] = ()
        self._posted = False
        #: Why not all that was changed by somebody else could be put back.
        self._unknown = ""
        #: When the engine answered last.
        self._heard = time.monotonic()

    async def run(self) -> None:
        """Move it.

        :raises DeploymentFailed: it does not run the release; says what it runs.
        :raises OperationError: the engine was gone for too long; another attempt goes on from there.
        """
        try:
            await self._patiently(self._start)
            broken = await self._patiently(self._follow)
        except asyncio.CancelledError:
            await self._cancelled()
            raise
        if broken:
            await self._patiently(lambda swarm: self._fail(swarm, broken))
        if self._unknown:
            raise DeploymentFailed(f"{self._name} {self._unknown}", running=self._image.digest)

    async def _patiently(self, step: Callable[[Swarm], Awaitable[str]]) -> str:
        """Do a step, connecting anew when the engine goes away in the middle of it."""
        told = 0.0
        while True:
            try:
                async with connect(self._request.service.host) as engine:
                    return await step(Swarm(engine))
            except (Stalled, Waiting):
                raise
            except OutOfSequence:
                self._log.note(f"{self._name} was changed meanwhile; it is read again")
            except OperationError as error:
                if not self._posted or time.monotonic() - self._heard > OUTAGE:
                    raise
                if told != self._heard:
                    told = self._heard
                    self._log.note(f"{error}; trying again for {OUTAGE} s")
            await asyncio.sleep(2 * LOOK)

    # Starting

    async def _start(self, swarm: Swarm) -> str:
        service = await self._service(swarm)
        tasks = await swarm.tasks(service)
        ours = specs.digest_of(service.spec) == self._image.digest
        if self._context.attempt == 1:
            self._memory.forget(service)
        self._before = {task.id for task in tasks if not ours or task.created_at < service.started_at}
        if self._was_rolled_back(service, tasks):
            self._before = {task.id for task in tasks if task.created_at < service.started_at}
            await self._follower.look(swarm, service, self._before)
            reason = self._follower.fault or self._follower.blamed or service.message
            raise DeploymentFailed(
                f"{self._name} was rolled back while nobody watched: {reason}",
                running=specs.digest_of(service.spec) or None,
                unhealthy=True,
            )
        if ours and self._request.repair and specs.drift(service.spec, service.previous):
            self._posted = True
            await self._update(swarm, service, self._wanted(service))
            return ""
        if ours and (service.update != "paused" or self._begun_before(service)):
            if service.update == "updating":
                self._log.note(f"{self._name} is being moved already; this goes on from there")
            self._posted = True
            return ""
        await self._prepare(swarm, service)
        self._posted = True
        self._memory.begin(service, self._image.digest)
        await self._update(swarm, service, self._wanted(service))
        return ""

    def _wanted(self, service: SwarmService) -> dict[str, Any]:
        """What the service is to be: the image, and of the rest what somebody else changed put back where that is asked."""
        if not self._request.repair:
            return specs.with_image(service.spec, str(self._image))
        spec, put_back, self._unknown = specs.as_deployed(service.spec, service.previous)
        for what in put_back:
            self._log.note(f"put back: {what}")
        return specs.with_image(spec, str(self._image), accepted=not self._unknown)

    async def _update(self, swarm: Swarm, service: SwarmService, spec: Mapping[str, Any]) -> None:
        for warning in await swarm.update(service, spec):
            self._log.note(f"the engine warns: {warning}")

    def _was_rolled_back(self, service: SwarmService, tasks: Sequence[Task]) -> bool:
        """Whether an attempt before this one got as far as a rollback, which a killed process could not tell of."""
        other = specs.digest_of(service.spec) != self._image.digest
        if not self._begun_before(service) or not service.update.startswith("rollback") or not other:
            return False
        began = self._memory.began(service, self._image.digest)
        if began is not None:
            return began
        return any(task.digest == self._image.digest and task.created_at >= service.started_at for task in tasks)

    def _begun_before(self, service: SwarmService) -> bool:
        """Whether the service's latest update may be the work of an attempt before this one."""
        queued = self._context.queued_at
        return self._context.attempt > 1 and (queued is None or service.started_at >= queued - _SKEW)

    async def _read(self, swarm: Swarm) -> SwarmService | None:
        service = await swarm.service(self._name)
        self._heard = time.monotonic()
        return service

    async def _service(self, swarm: Swarm) -> SwarmService:
        service = await self._read(swarm)
        if service is None:
            raise DeploymentFailed(
                f"{swarm.engine.where} has no service {self._name}: create it once with `docker service create --name "
                f"{self._name} {self._image}`, or remove it from the declaration"
            )
        if not specs.is_long_running(service.spec):
            raise DeploymentFailed(f"{self._name} is a job of the swarm, which runs to its end and cannot be moved")
        return service

    async def _prepare(self, swarm: Swarm, service: SwarmService) -> None:
        if self._options.pull and not await pulls.has(swarm.engine, self._image):
            await pulls.pull(swarm.engine, self._image, self._log)
        image = await swarm.image(f"{self._image.name}@{self._image.digest}")
        self._log.note(f"{self._name} runs {specs.image_of(service.spec)}")
        self._log.note(f"moving it to {self._image}: {specs.policy(service.spec)}")
        self._log.note(f"health check: {specs.health_check(service.spec, image)}")
        self._log.note(
            f"given up after {self._options.timeout} s, or when a task finds no node in {self._options.schedule_timeout} s"
        )

    # Following

    async def _follow(self, swarm: Swarm) -> str:
        over_since = 0.0
        while True:
            service = await self._read(swarm)
            if service is None:
                raise DeploymentFailed(f"{self._name} was removed from the swarm while it was moved")
            tasks = await self._follower.look(swarm, service, self._before)
            if broken := self._broken(service, tasks):
                return broken
            stands = standing(tasks, self._image.digest, specs.scale(service.spec))
            if service.update in ("completed", "rollback_completed", ""):
                if stands.reached:
                    self._tell_success(stands)
                    return ""
                over_since = over_since or time.monotonic()
                if time.monotonic() - over_since > SETTLE:
                    return f"the update is over, but only {stands}, {stands.right} of them with the new image"
            if self._context.stopping():
                # It may be this very runner that is being replaced, and then waits for itself.
                raise Waiting(HANDED_OVER, retry_in=0)
            if time.monotonic() > self._deadline:
                return f"it took more than {self._options.timeout} s (`timeout` of the service's options): {stands}"
            await asyncio.sleep(LOOK)

    def _tell_success(self, stands: Standing) -> None:
        self._log.note(
            f"{self._name} runs {self._image}: {stands}"
            if stands.wanted
            else f"{self._name} is scaled to 0: nothing runs"
        )

    def _broken(self, service: SwarmService, tasks: Sequence[Task]) -> str:
        """Why the move has failed; empty while it has not."""
        if specs.digest_of(service.spec) != self._image.digest:
            if service.update.startswith("rollback"):
                return service.message or "it was rolled back"
            raise DeploymentFailed(
                f"somebody else moved {self._name} to {short(specs.image_of(service.spec))} meanwhile",
                running=specs.digest_of(service.spec) or None,
            )
        if service.update == "paused":
            return service.message or "the update was paused"
        waiting = self._follower.unplaced(tasks)
        if waiting and (datetime.now(UTC) - waiting.changed_at).total_seconds() > self._options.schedule_timeout:
            return waiting.told
        return ""

    # Failing

    async def _fail(self, swarm: Swarm, broken: str) -> NoReturn:
        """Put the service back where it was, as its policy or ours says, and tell what became of it."""
        # What goes wrong on the way back is told in the log, and is not why it failed.
        fault = self._follower.fault
        reason = fault or self._follower.blamed or broken
        service = await self._service(swarm)
        if specs.digest_of(service.spec) == self._image.digest:
            if not self._options.rollback:
                await self._give_up(swarm, f"{reason}. It stays half-way, as the option `rollback` is off")
            if not await self._roll_back(swarm, service):
                await self._give_up(swarm, f"{reason}. There is nothing to go back to")
        back = await self._follow_back(swarm)
        await self._give_up(swarm, f"{fault or self._follower.blamed or broken}. {back}", unhealthy=True)

    async def _roll_back(self, swarm: Swarm, service: SwarmService) -> bool:
        before = specs.digest_of(service.previous) if service.previous else ""
        if service.previous and specs.image_of(service.previous) and before != self._image.digest:
            self._log.note(f"rolling back to {specs.image_of(service.previous)}")
            await swarm.update(service, service.spec, roll_back=True)
            return True
        previous = self._request.previous
        if previous and previous.digest != self._image.digest:
            self._log.note(f"going back to {previous.reference}")
            await swarm.update(service, specs.with_image(service.spec, previous.reference))
            return True
        return False

    async def _follow_back(self, swarm: Swarm) -> str:
        """Follow a rollback to its end, and say how it ended."""
        deadline = time.monotonic() + self._options.timeout
        while time.monotonic() < deadline:
            service = await self._service(swarm)
            tasks = await self._follower.look(swarm, service, self._before)
            stands = standing(tasks, specs.digest_of(service.spec), specs.scale(service.spec))
            if service.update in ("rollback_paused", "paused"):
                return f"The rollback was paused as well: {service.message}; {stands}"
            if service.update in ("rollback_completed", "completed", "") and stands.reached:
                return f"It was rolled back and runs {short(specs.image_of(service.spec))} again: {stands}"
            await asyncio.sleep(LOOK)
        return f"The rollback is not over after {self._options.timeout} s"

    async def _give_up(self, swarm: Swarm, reason: str, *, unhealthy: bool = False) -> NoReturn:
        service = await self._service(swarm)
        stands = await swarm.tasks(service)
        running = {task.digest for task in stands if task.wanted and task.state == "running"}
        raise DeploymentFailed(
            f"{self._name} was not moved: {reason}",
            running=(running.pop() if len(running) == 1 else specs.digest_of(service.spec)) or None,
            unhealthy=unhealthy and not self._follower.is_unplaced,
        )

    # Being cancelled

    async def _cancelled(self) -> None:
        """Have the engine go back, unless it is only this runner that ends: then the move goes on without it."""
        if not self._posted:
            return
        if self._context.stopping():
            self._note(HANDED_OVER)
            return
        with contextlib.suppress(OperationError, TimeoutError):
            await asyncio.shield(self._undo())

    async def _undo(self) -> None:
        async with asyncio.timeout(_UNDO), connect(self._request.service.host) as engine:
            swarm = Swarm(engine)
            service = await self._service(swarm)
            ours = specs.digest_of(service.spec) == self._image.digest
            if not ours or service.update not in ("updating", "paused", ""):
                self._note(f"{self._name} stays at {specs.image_of(service.spec)}: {service.update or 'no update'}")
            elif await self._roll_back(swarm, service):
                self._note(f"cancelled: {self._name} goes back, by the engine")

    def _note(self, text: str) -> None:
        with contextlib.suppress(OperationError):
            self._log.note(text)
