"""What is told of a pod: which image it runs, and what keeps it from being well. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubernetes.aio.client import V1ContainerState, V1ContainerStatus, V1Pod, V1PodCondition

#: What a container waits for when all goes well.
_ON_ITS_WAY = frozenset({"ContainerCreating", "PodInitializing", ""})
_DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")
#: Characters of a message: a registry's answer may be a page.
_MESSAGE = 600


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod is not well.

    :param container: which of its containers; empty where it is the pod itself.
    :param printed: the container has run, so that it may have printed why.
    :param previous: it was started again since.
    :param unplaced: no node takes the pod: the release is not to blame for that.
    """

    pod: str
    container: str
    text: str
    printed: bool = False
    previous: bool = False
    unplaced: bool = False

    def __str__(self) -> str:
        return f"{self.pod}: {self.text}"


def digest_of(image: str) -> str:
    """The digest in an image's name; empty where it has none."""
    found = _DIGEST.search(image)
    return found.group(1) if found else ""


def name_of(pod: V1Pod) -> str:
    return (pod.metadata and pod.metadata.name) or ""


def image_of(pod: V1Pod, container: str) -> str:
    """The image that a container of a pod is to run, as the Deployment said when the pod was made."""
    found = [each.image for each in (pod.spec.containers if pod.spec else ()) if each.name == container]
    return (found[0] if found else None) or ""


def running_digest(pod: V1Pod, container: str) -> str:
    """The digest of the image that a container runs; empty where nobody can tell.

    What it was to run says so where that is a digest. For a tag the node tells what that was when it pulled.
    """
    return digest_of(image_of(pod, container)) or digest_of(
        next((each.image_id for each in _statuses(pod) if each.name == container), "")
    )


def is_ending(pod: V1Pod) -> bool:
    return bool(pod.metadata and pod.metadata.deletion_timestamp)


def ready_since(pod: V1Pod) -> datetime | None:
    """When a pod became ready; None where it is not."""
    ready = _condition(pod, "Ready")
    return ready.last_transition_time if ready and ready.status == "True" else None


def latest(pods: Iterable[V1Pod]) -> datetime | None:
    """When the last of the pods that are ready became so."""
    return max((since for pod in pods if (since := ready_since(pod))), default=None)


def troubles(pods: Iterable[V1Pod]) -> Sequence[Trouble]:
    """What keeps pods from being well, the worst of each."""
    return [trouble for pod in pods if not is_ending(pod) and (trouble := _trouble(pod))]


def _trouble(pod: V1Pod) -> Trouble | None:
    name = name_of(pod)
    scheduled = _condition(pod, "PodScheduled")
    if scheduled and scheduled.status == "False":
        return Trouble(name, "", f"no node takes it: {_short(scheduled.message or scheduled.reason)}", unplaced=True)
    if pod.status and pod.status.phase == "Failed":
        return Trouble(name, "", f"it has failed: {_short(pod.status.message or pod.status.reason)}")
    initial = len((pod.status and pod.status.init_container_statuses) or ())
    for number, status in enumerate(_statuses(pod)):
        if found := _of_a_container(name, status, ends=number < initial):
            return found
    return None


def _of_a_container(pod: str, status: V1ContainerStatus, *, ends: bool) -> Trouble | None:
    """The trouble of one container. That of one that waits to be started again is why it had to be.

    :param ends: it is one that initialises the pod and has to end before the others start.
    """
    ended, again = _ended(status.state), _ended(status.last_state)
    waiting = status.state.waiting if status.state else None
    reason = (waiting and waiting.reason) or ""
    if ended and not (ends and status.ready):
        return Trouble(pod, status.name, f"{status.name} {ended}", printed=True)
    if waiting and reason not in _ON_ITS_WAY:
        told = f"{status.name} waits: {reason}"
        if again:
            told += f", it {again} (started again {status.restart_count} times)"
            return Trouble(pod, status.name, told, printed=True, previous=True)
        return Trouble(pod, status.name, f"{told}: {_short(waiting.message)}" if waiting.message else told)
    if again and not status.ready:
        told = f"{status.name} {again} and was started again"
        return Trouble(pod, status.name, told, printed=True, previous=True)
    return None


def _ended(state: V1ContainerState | None) -> str:
    """How a container came to its end; empty where it did not."""
    ended = state.terminated if state else None
    if not ended:
        return ""
    by = f" by signal {ended.signal}" if ended.signal else ""
    why = f": {_short(ended.message)}" if ended.message else ""
    reason = f" ({ended.reason})" if ended.reason not in (None, "", "Error", "Completed") else ""
    return f"ended{by} with exit code {ended.exit_code}{reason}{why}"


def _statuses(pod: V1Pod) -> Sequence[V1ContainerStatus]:
    status = pod.status
    return [*((status and status.init_container_statuses) or ()), *((status and status.container_statuses) or ())]


def _condition(pod: V1Pod, kind: str) -> V1PodCondition | None:
    conditions = (pod.status and pod.status.conditions) or ()
    return next((each for each in conditions if each.type == kind), None)


def _short(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= _MESSAGE else f"{line[:_MESSAGE]}…"
