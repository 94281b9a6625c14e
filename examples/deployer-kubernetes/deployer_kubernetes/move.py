"""Moving one container of a Deployment to one image, and what is done when that fails.

A move is a state of the cluster, not of this process: each step begins with reading what the Deployment is, so that
another process can take a move up where this one was killed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import NoReturn

from kubernetes.aio.client import V1Deployment

from core.api import Context, DeploymentFailed, DeployRequest, OperationError, Waiting

from . import memory
from .access import connect
from .client import Cluster, OutOfDate
from .following import Follower
from .options import KubernetesOptions
from .patience import Patience
from .place import Place
from .pods import digest_of

#: Seconds for moving back when the move is cancelled.
_UNDO = 15
#: What becomes of a move whose runner is stopped.
HANDED_OVER = "the runner is being stopped; the cluster goes on, and the next attempt takes it up"


class Move:
    """One attempt to move a container. `run` returns when all pods run the release and are available.

    :param look: seconds between two looks at a rollout.
    :param clock: tells seconds.
    """

    def __init__(
        self,
        request: DeployRequest,
        context: Context,
        options: KubernetesOptions,
        look: float,
        clock: Callable[[], float],
    ) -> None:
        self._request = request
        self._context = context
        self._options = options
        self._look = look
        self._clock = clock
        self._patience = Patience(request.service, options, context, look)
        self._place = Place(request.service, options)
        self._log = context.log
        self._image = request.release.reference
        self._deadline = self._clock() + options.timeout
        #: The image that was read last, of which this process knows how it came to be there.
        self._seen = ""
        #: This attempt, or one before it, may have changed the Deployment, and the rollout is not over.
        self._changed = False

    async def run(self) -> None:
        """Move it.

        :raises DeploymentFailed: it does not run the release; says what it runs.
        :raises OperationError: the cluster was gone for too long; another attempt goes on from there.
        """
        try:
            follower = await self._patience.do(self._start)
            broken = await self._patience.do(lambda cluster: self._follow(cluster, follower))
            if broken:
                await self._patience.do(lambda cluster: self._fail(cluster, follower, broken))
        except asyncio.CancelledError:
            await self._cancelled()
            raise

    async def _read(self, cluster: Cluster) -> V1Deployment:
        deployment = await self._place.there(cluster)
        self._patience.heard()
        return deployment

    # Starting

    async def _start(self, cluster: Cluster) -> Follower:
        deployment = await self._read(cluster)
        container = self._place.container(deployment)
        follower = Follower(self._log, self._place.namespace, container, self._clock)
        self._seen = self._place.image(deployment)
        self._was_moved_back(deployment, container)
        self._place.refuse_paused(deployment)
        self._patience.worth = True
        if self._seen == self._image:
            self._changed = self._changed or self._context.attempt > 1
            self._log.note(f"{self._place} is to run {self._image} already; this goes on from there")
            return follower
        self._log.note(f"{self._place} runs {self._seen}; moving {container} to {self._image}")
        self._log.note(f"given up after {self._place.patience(deployment)}")
        self._changed = True
        await self._change(cluster, lambda now, before: memory.forward(now, container, self._image, before))
        return follower

    def _was_moved_back(self, deployment: V1Deployment, container: str) -> None:
        """Fail if an attempt before this one got as far as moving back, which a killed process could not tell of."""
        if self._context.attempt == 1 or self._seen == self._image:
            return
        if why := memory.failed(deployment, container, self._image, self._context.queued_at):
            raise DeploymentFailed(
                f"{self._place} was moved back while nobody watched: {why}",
                running=digest_of(self._seen) or None,
                unhealthy=True,
            )

    async def _change(self, cluster: Cluster, change: Callable[[V1Deployment, str], Mapping[str, object]]) -> None:
        """Change the Deployment, if its image is the one that was read last; whatever else was changed since stays.

        :param change: makes the change, from the Deployment as it is and the image that the container has.
        """
        while True:
            deployment = await self._read(cluster)
            now = self._place.image(deployment)
            if now != self._seen:
                self._somebody_else(now)
            try:
                self._seen = self._place.image(await cluster.patch(deployment, change(deployment, now)))
            except OutOfDate:
                if self._clock() > self._deadline:
                    raise
                self._log.note(f"{self._place} was changed meanwhile; it is read again")
            else:
                return

    def _somebody_else(self, image: str) -> NoReturn:
        raise DeploymentFailed(
            f"somebody else moved {self._place} to {image} meanwhile, and that stays", running=digest_of(image) or None
        )

    # Following

    async def _follow(self, cluster: Cluster, follower: Follower) -> str:
        """Follow the rollout to its end; why it has failed, or nothing."""
        while True:
            deployment = await self._read(cluster)
            if (now := self._place.image(deployment)) != self._image:
                self._somebody_else(now)
            stands = await follower.look(cluster, deployment, self._image)
            if stands.reached:
                self._changed = False
                self._log.note(f"{self._place} runs {self._image}" if stands.wanted else "scaled to 0: nothing runs")
                return ""
            if stands.late:
                return stands.late
            if self._context.stopping():
                # It may be this very runner that is being replaced, and then waits for itself.
                raise Waiting(HANDED_OVER, retry_in=0)
            if self._clock() > self._deadline:
                return f"it took more than {self._options.timeout} s (`timeout` of the service's options): {stands}"
            await asyncio.sleep(self._look)

    # Failing

    async def _fail(self, cluster: Cluster, follower: Follower, broken: str) -> NoReturn:
        """Move the container back to what it ran, and tell what became of it."""
        fault = follower.fault
        reason = f"{fault}; {broken}" if fault else broken
        deployment = await self._read(cluster)
        if self._place.image(deployment) == self._image:
            before = self._before(deployment)
            if not self._options.move_back or not before:
                why = "there is nothing to move back to" if not before else "the option `move_back` is off"
                raise DeploymentFailed(
                    f"{self._place} was not moved: {reason}. It stays half-way, as {why}",
                    running=await self._place.running(cluster, deployment),
                    unhealthy=not (fault and fault.unplaced),
                )
            self._log.note(f"{reason}: moving back to {before}")
            await self._move_back(cluster, deployment, before, reason)
        elif not memory.is_back(deployment, self._place.container(deployment), self._place.image(deployment)):
            self._somebody_else(self._place.image(deployment))
        told = await self._follow_back(cluster, follower)
        deployment = await self._read(cluster)
        raise DeploymentFailed(
            f"{self._place} was not moved: {reason}. {told}",
            running=await self._place.running(cluster, deployment),
            unhealthy=not (fault and fault.unplaced),
        )

    def _before(self, deployment: V1Deployment) -> str:
        """The image to move back to; empty where nobody knows one."""
        previous = self._request.previous
        remembered = memory.before(deployment, self._place.container(deployment), self._image)
        known = (remembered, previous.reference if previous else "")
        return next((image for image in known if image not in ("", self._image)), "")

    async def _move_back(self, cluster: Cluster, deployment: V1Deployment, before: str, why: str) -> None:
        self._seen = self._image
        container = self._place.container(deployment)
        await self._change(cluster, lambda now, image: memory.back(now, container, image, before, why))

    async def _follow_back(self, cluster: Cluster, follower: Follower) -> str:
        """Follow the way back to its end, and say how it ended."""
        follower.forget()
        deadline = self._clock() + self._options.timeout
        while self._clock() < deadline:
            deployment = await self._read(cluster)
            image = self._place.image(deployment)
            stands = await follower.look(cluster, deployment, image)
            if stands.reached:
                return f"It was moved back and runs {image} again"
            if stands.late:
                return (
                    f"It was moved back to {image}, and is not well with that either: {follower.fault or stands.late}"
                )
            await asyncio.sleep(self._look)
        return f"The way back is not over after {self._options.timeout} s"

    # Being cancelled

    async def _cancelled(self) -> None:
        """Move back, unless it is only this runner that ends: then the move goes on without it."""
        if not self._changed:
            return
        if self._context.stopping():
            self._note(HANDED_OVER)
            return
        with contextlib.suppress(OperationError, TimeoutError):
            await asyncio.shield(self._undo())

    async def _undo(self) -> None:
        async with asyncio.timeout(_UNDO), connect(self._request.service, self._options) as client:
            cluster = Cluster(client)
            deployment = await self._read(cluster)
            before = self._before(deployment)
            if self._place.image(deployment) != self._image:
                return
            if before and self._options.move_back:
                await self._move_back(cluster, deployment, before, "")
                self._note(f"cancelled: {self._place} goes back to {before}")
            else:
                self._note(f"cancelled: {self._place} stays at {self._image}")

    def _note(self, text: str) -> None:
        with contextlib.suppress(OperationError):
            self._log.note(text)
