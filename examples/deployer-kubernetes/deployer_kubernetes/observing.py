"""What a Deployment runs now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubernetes.aio.client import V1Deployment, V1Pod

from core.api import Health, Observation

from . import memory
from .client import MANAGER
from .pods import digest_of, is_ending, latest, ready_since, running_digest, troubles
from .rollouts import Standing, is_available, spec_of, standing, was_complete


def observation(deployment: V1Deployment, pods: Sequence[V1Pod], container: str, image: str) -> Observation:
    """Read off a Deployment and its pods what it runs, how well, and what was changed by others.

    :param image: the one that the container is to run.
    """
    ready = [pod for pod in pods if ready_since(pod) and not is_ending(pod)]
    digests = {running_digest(pod, container) for pod in ready}
    agreed, named = next(iter(digests)) if len(digests) == 1 else "", digest_of(image)
    stands = standing(deployment)
    # On its way it is told by where it goes, as that is what it will run a moment later.
    digest = agreed or named if stands.reached or stands.late else named or agreed
    return Observation(
        digest=digest or None,
        health=_health(deployment, stands),
        since=latest(ready),
        detail="; ".join([str(stands), *_remarks(deployment, pods, stands, container, image, mixed=len(digests) > 1)]),
        drift="its rollouts are paused" if spec_of(deployment).paused else "",
    )


def _health(deployment: V1Deployment, stands: Standing) -> Health:
    if not stands.wanted:
        return Health.ABSENT
    if stands.late:
        return Health.UNHEALTHY
    if stands.reached:
        return Health.HEALTHY
    if stands.seen and was_complete(deployment):
        # Pods went after the rollout was over: as many may be missing as the Deployment allows.
        return Health.HEALTHY if is_available(deployment) else Health.UNHEALTHY
    return Health.STARTING


def _remarks(
    deployment: V1Deployment, pods: Sequence[V1Pod], stands: Standing, container: str, image: str, *, mixed: bool
) -> list[str]:
    remarks = []
    if not stands.wanted:
        remarks.append("it is scaled to 0")
    if mixed:
        remarks.append("they run different images")
    moved = memory.moved(deployment, container)
    if moved and image != moved.expected:
        remarks.append(f"the image is {image}, set by {_who_changed(deployment)}")
    if not stands.reached:
        remarks += [each for each in (stands.late, stands.trouble) if each]
        remarks += [str(each) for each in troubles(pods)[:1]]
    return remarks


def _who_changed(deployment: V1Deployment) -> str:
    """Who changed the Deployment last besides the deployer and the cluster itself, as far as the cluster tells."""
    entries = (deployment.metadata and deployment.metadata.managed_fields) or ()
    others = [
        (each.time, each.manager or "somebody")
        for each in entries
        if each.manager != MANAGER and each.subresource != "status" and each.time
    ]
    if not others:
        return "somebody else"
    at, who = max(others)
    return f"{who} on {at:%Y-%m-%d at %H:%M} UTC"
