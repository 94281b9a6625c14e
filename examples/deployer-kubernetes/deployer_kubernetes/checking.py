"""What `manage.py doctor` is told of a Deployment. Nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from kubernetes.aio.client import V1Deployment

from core.api import Finding

from .client import Cluster
from .place import Place
from .pods import digest_of
from .rollouts import containers, spec_of

#: What a move asks of the cluster: verb, resource, group, subresource.
NEEDED = (
    ("get", "deployments", "apps", ""),
    ("patch", "deployments", "apps", ""),
    ("list", "pods", "", ""),
    ("get", "pods", "", "log"),
)


async def findings(cluster: Cluster, place: Place) -> AsyncIterator[Finding]:
    """Test what a move needs: the cluster, what its user may do, the Deployment and its container.

    :raises OperationError: the cluster does not answer, or has not what is declared.
    """
    yield Finding(level="ok", text=f"{cluster.where} answers: Kubernetes {await cluster.version()}")
    for verb, resource, group, subresource in NEEDED:
        what = "/".join(filter(None, [resource, subresource]))
        if await cluster.may(verb, resource, place.namespace, group=group, subresource=subresource):
            continue
        # Without the logs a move works; a failed one tells less.
        level = "warning" if subresource else "error"
        remedy = f"give it a Role with the verb {verb} for {what}{f' of the group {group}' if group else ''}"
        yield Finding(
            level=level, text=f"the kubeconfig's user may not {verb} {what} in {place.namespace}", remedy=remedy
        )
    deployment = await place.there(cluster)
    container = place.container(deployment)
    yield Finding(level="ok", text=f"{place} is there; {container} is to run {place.image(deployment)}")
    for finding in _of(deployment, place, container):
        yield finding


def _of(deployment: V1Deployment, place: Place, container: str) -> list[Finding]:
    found = []
    if spec_of(deployment).paused:
        remedy = f"kubectl rollout resume deployment/{place.name} --namespace {place.namespace}"
        found.append(Finding(level="error", text=f"{place} is paused: no rollout begins", remedy=remedy))
    if containers(deployment)[container].readiness_probe is None:
        found.append(
            Finding(
                level="warning",
                text=f"{container} of {place} has no readinessProbe: it counts as well as soon as it runs",
                remedy="give it one, so that a release that does not work is moved back",
            )
        )
    if not digest_of(place.image(deployment)):
        found.append(
            Finding(
                level="warning",
                text=f"{container} of {place} names its image by a tag, as its manifest may: applied again, that takes"
                " the place of the release",
                remedy="leave the image out of what is applied (`kubectl apply --server-side` without the field)",
            )
        )
    return found
