"""Which container of which Deployment a service is, and what it runs."""

from __future__ import annotations

from collections.abc import Iterable

from kubernetes.aio.client import V1Deployment

from core.api import DeploymentFailed, OperationError, ServicePlace

from .client import Cluster
from .options import KubernetesOptions
from .pods import digest_of, is_ending, ready_since, running_digest
from .rollouts import containers, spec_of


class Place:
    """Where a service is found in a cluster."""

    def __init__(self, service: ServicePlace, options: KubernetesOptions) -> None:
        self._options = options
        self.namespace = options.namespace
        self.name = options.deployment or service.name

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    async def there(self, cluster: Cluster) -> V1Deployment:
        """The Deployment.

        :raises DeploymentFailed: the cluster has none of that name.
        """
        deployment = await cluster.deployment(self.namespace, self.name)
        if deployment is None:
            raise DeploymentFailed(
                f"{cluster.where} has no Deployment {self}: create it once, with `kubectl apply` of its manifest, or"
                " correct the options `namespace` and `deployment`"
            )
        return deployment

    def container(self, deployment: V1Deployment) -> str:
        """The name of the container.

        :raises DeploymentFailed: it has none of that name, or more than one and none is named.
        """
        known, wanted = containers(deployment), self._options.container
        if wanted and wanted not in known:
            raise DeploymentFailed(f"{self} has no container {wanted!r} (`container`); it has {_listed(known)}")
        if not wanted and len(known) != 1:
            raise DeploymentFailed(f"{self} has {_listed(known)}: say by the option `container` which one is moved")
        return wanted or next(iter(known))

    def refuse_paused(self, deployment: V1Deployment) -> None:
        """See that a change would begin a rollout.

        :raises DeploymentFailed: somebody has paused it.
        """
        if spec_of(deployment).paused:
            raise DeploymentFailed(
                f"{self} is paused, so that no rollout of it begins: `kubectl rollout resume deployment/{self.name}"
                f" --namespace {self.namespace}`",
                running=digest_of(self.image(deployment)) or None,
            )

    def image(self, deployment: V1Deployment) -> str:
        """The image that the container is to run."""
        return containers(deployment)[self.container(deployment)].image or ""

    def patience(self, deployment: V1Deployment) -> str:
        """How long a rollout may take, for people."""
        own = spec_of(deployment).progress_deadline_seconds
        # The largest number stands for none.
        idle = f", or when nothing goes on for {own} s (`progressDeadlineSeconds`)" if own and own < 2**31 - 1 else ""
        return f"{self._options.timeout} s (`timeout`){idle}"

    async def running(self, cluster: Cluster, deployment: V1Deployment) -> str | None:
        """The digest that its pods run, where they agree, else the one that they are to run."""
        container = self.container(deployment)
        wanted = digest_of(self.image(deployment)) or None
        try:
            pods = await cluster.pods(self.namespace, spec_of(deployment).selector)
        except OperationError:
            return wanted
        digests = {running_digest(pod, container) for pod in pods if ready_since(pod) and not is_ending(pod)}
        return (digests.pop() if len(digests) == 1 else "") or wanted


def _listed(names: Iterable[str]) -> str:
    *others, last = sorted(names)
    return f"the containers {', '.join(others)} and {last}" if others else f"the container {last}"
