"""How a cluster is reached: the kubeconfig in a secret, or the service account of the pod that the deployer runs in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config_from_dict

from core.api import OperationError, ServicePlace, Stalled, secret, secret_file

from .options import KubernetesOptions

#: Set in every pod.
_IN_A_POD = "KUBERNETES_SERVICE_HOST"


@asynccontextmanager
async def connect(service: ServicePlace, options: KubernetesOptions) -> AsyncIterator[ApiClient]:
    """Read how the cluster is reached, and keep connections to it open for a while.

    Every time anew: a token or a certificate that was replaced meanwhile counts from the next use on.

    :raises Stalled: nothing says how, or what says it is wrong.
    """
    configuration = Configuration()
    kubeconfig = await asyncio.to_thread(secret, options.kubeconfig)
    if kubeconfig is not None:
        await _load(configuration, kubeconfig, service, options)
    elif os.environ.get(_IN_A_POD):
        if service.host:
            raise Stalled(
                f"the host of {service.name} is {service.host!r}, a context of a kubeconfig, and there is none: set"
                f" {secret_file(options.kubeconfig)}, or leave the host empty to use the pod's service account"
            )
        _load_of_the_pod(configuration)
    else:
        raise Stalled(
            f"nothing says how the cluster is reached: put a kubeconfig into {secret_file(options.kubeconfig)}"
            " (`kubectl config view --flatten --minify` prints one)"
        )
    async with ApiClient(configuration) as client:
        yield client


def where(client: ApiClient) -> str:
    """The cluster, for people."""
    return f"the cluster at {client.configuration.host}"


async def _load(
    configuration: Configuration, kubeconfig: str, service: ServicePlace, options: KubernetesOptions
) -> None:
    given = f"the kubeconfig in {secret_file(options.kubeconfig)}"
    try:
        content = yaml.safe_load(kubeconfig)
    except yaml.YAMLError:
        # What the parser says shows the place, and that is the secret.
        raise Stalled(f"{given} is not YAML") from None
    listed = content.get("contexts") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise Stalled(f"{given} is not one: it has no list of contexts")
    contexts = [each.get("name") for each in listed if isinstance(each, dict)]
    if service.host and service.host not in contexts:
        known = ", ".join(map(str, contexts)) or "none"
        raise Stalled(f"{given} has no context {service.host!r}, the host of {service.name}; it has {known}")
    try:
        await load_kube_config_from_dict(content, context=service.host or None, client_configuration=configuration)
    except (ConfigException, ValueError, KeyError, TypeError) as error:
        raise Stalled(f"{given} cannot be used: {error}") from None
    except OSError as error:
        raise OperationError(f"{given} cannot be used now: {error}") from None


def _load_of_the_pod(configuration: Configuration) -> None:
    try:
        load_incluster_config(client_configuration=configuration)
    except (ConfigException, OSError) as error:
        raise Stalled(f"the pod that the deployer runs in has no service account to use: {error}") from None
