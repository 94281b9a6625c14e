"""Watching a rollout: what changes goes into the log as it happens, with the evidence of what fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubernetes.aio.client import V1Deployment, V1Pod

from core.api import Log

from . import memory
from .client import Cluster
from .pods import Trouble, image_of, name_of, troubles
from .rollouts import Standing, spec_of, standing


class Follower:
    """Remembers what the log was told, through a whole move and across lost connections.

    :param container: the one that is moved.
    :param clock: tells seconds.
    """

    def __init__(self, log: Log, namespace: str, container: str, clock: Callable[[], float]) -> None:
        self._log = log
        self._clock = clock
        self._since = clock()
        self._namespace = namespace
        self._container = container
        self._standing = ""
        self._told: set[str] = set()
        #: The last thing that went wrong with a pod, for the sentence that people read first.
        self.fault: Trouble | None = None

    def forget(self) -> None:
        """Begin with another rollout, whose faults are its own."""
        self._standing = ""
        self._since = self._clock()
        self.fault = None

    async def look(self, cluster: Cluster, deployment: V1Deployment, image: str) -> Standing:
        """Tell what is new of a rollout to an image, and answer how far it is."""
        stands = standing(deployment, self._stale(deployment))
        if str(stands) != self._standing:
            self._standing = str(stands)
            self._log.note(self._standing)
        if stands.trouble:
            self._note(f"no pod can be made: {stands.trouble}")
        if stands.seen and not stands.reached:
            await self._look_at_pods(cluster, await self.pods(cluster, deployment, image))
        return stands

    def _stale(self, deployment: V1Deployment) -> str:
        """What is still said of the rollout before. Where nothing goes on it stays, and is meant for this one then."""
        moved = memory.moved(deployment, self._container)
        over = self._clock() - self._since > (spec_of(deployment).progress_deadline_seconds or 0)
        return "" if over or not moved else moved.stale

    async def pods(self, cluster: Cluster, deployment: V1Deployment, image: str) -> Sequence[V1Pod]:
        """Those pods of a Deployment that are to run an image."""
        found = await cluster.pods(self._namespace, spec_of(deployment).selector)
        return [pod for pod in sorted(found, key=name_of) if image_of(pod, self._container) == image]

    async def _look_at_pods(self, cluster: Cluster, pods: Sequence[V1Pod]) -> None:
        found = troubles(pods)
        for trouble in found:
            if self._note(str(trouble)) and trouble.printed:
                await self._tell_last_lines(cluster, trouble)
        # One that no node takes may find one; one that fails tells more.
        self.fault = next((each for each in found if not each.unplaced), None) or (found[0] if found else self.fault)

    async def _tell_last_lines(self, cluster: Cluster, trouble: Trouble) -> None:
        lines = await cluster.last_lines(self._namespace, trouble.pod, trouble.container, previous=trouble.previous)
        if lines.strip():
            self._log.note(f"{trouble.container} of {trouble.pod} printed last:")
            self._log.write(lines.rstrip("\n").encode() + b"\n")

    def _note(self, text: str) -> bool:
        """Tell something once; whether it was new."""
        if text in self._told:
            return False
        self._told.add(text)
        self._log.note(text)
        return True
