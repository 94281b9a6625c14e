"""What is asked of a cluster. The one file that talks to the outside, with the client library of Kubernetes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

import aiohttp
from kubernetes.aio.client import (
    ApiClient,
    ApiException,
    AppsV1Api,
    AuthorizationV1Api,
    CoreV1Api,
    V1Deployment,
    V1LabelSelector,
    V1Pod,
    V1ResourceAttributes,
    V1SelfSubjectAccessReview,
    V1SelfSubjectAccessReviewSpec,
    VersionApi,
)

from core.api import OperationError, Stalled, Waiting, to_the_end

from .access import where
from .rollouts import selector_of

#: Seconds for one answer.
_ANSWER = 20.0
#: How changes are marked as ours (`kubectl get deployment --show-managed-fields`).
MANAGER = "deployer"
#: Lines of a container that failed, and their bytes.
LINES, _BYTES = 20, 1 << 14
#: Seconds after which a cluster that is overloaded is asked again.
_BUSY = 15.0

Answer = TypeVar("Answer")


class NotAccepted(Stalled):
    """The cluster does not accept who this says it is."""


class OutOfDate(OperationError):  # noqa: N818  it says what is the case
    """Somebody changed the Deployment after it was read."""


class Cluster:
    """A cluster, asked as one user. `ask` may find nothing; what has to be done is done or raises.

    A question that was begun is ended before a cancellation goes on: nobody has to wonder whether a change was made.
    """

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._apps = AppsV1Api(client)
        self._core = CoreV1Api(client)

    @property
    def where(self) -> str:
        return where(self._client)

    async def version(self) -> str:
        """What the cluster runs: `v1.36.2`."""
        return (await self._do(lambda: VersionApi(self._client).get_code(_request_timeout=_ANSWER))).git_version

    async def deployment(self, namespace: str, name: str) -> V1Deployment | None:
        """A Deployment, or None where there is none.

        :raises OperationError: nobody can tell.
        """
        return await self._ask(lambda: self._apps.read_namespaced_deployment(name, namespace, _request_timeout=_ANSWER))

    async def patch(self, deployment: V1Deployment, change: Mapping[str, object]) -> V1Deployment:
        """Change a Deployment that is still as it was read.

        :param change: a strategic merge patch.
        :raises OutOfDate: it is not.
        """
        metadata = deployment.metadata
        assert metadata
        assert metadata.name
        assert metadata.namespace
        name, namespace = metadata.name, metadata.namespace
        given = change.get("metadata")
        body = {
            **change,
            "metadata": {
                **(given if isinstance(given, Mapping) else {}),
                "resourceVersion": metadata.resource_version,
            },
        }
        return await self._do(
            lambda: self._apps.patch_namespaced_deployment(
                name,
                namespace,
                body,
                field_manager=MANAGER,
                field_validation="Strict",
                _content_type="application/strategic-merge-patch+json",
                _request_timeout=_ANSWER,
            )
        )

    async def pods(self, namespace: str, selector: V1LabelSelector) -> Sequence[V1Pod]:
        """The pods that a Deployment selects: its own, of all its ReplicaSets."""
        found = await self._do(
            lambda: self._core.list_namespaced_pod(
                namespace, label_selector=selector_of(selector), _request_timeout=_ANSWER
            )
        )
        return found.items

    async def last_lines(self, namespace: str, pod: str, container: str, *, previous: bool) -> str:
        """What a container printed last; nothing where that is not to be had, as that is no reason to fail.

        :param previous: the container before the one that runs now.
        """
        with suppress(OperationError):
            said = await self._ask(
                lambda: self._core.read_namespaced_pod_log(
                    pod,
                    namespace,
                    container=container,
                    previous=previous,
                    tail_lines=LINES,
                    limit_bytes=_BYTES,
                    _request_timeout=_ANSWER,
                )
            )
            return said or ""
        return ""

    async def may(self, verb: str, resource: str, namespace: str, *, group: str = "", subresource: str = "") -> bool:
        """Whether the user that this is may do something in a namespace."""
        attributes = V1ResourceAttributes(
            verb=verb, resource=resource, namespace=namespace, group=group, subresource=subresource
        )
        review = V1SelfSubjectAccessReview(spec=V1SelfSubjectAccessReviewSpec(resource_attributes=attributes))
        access = AuthorizationV1Api(self._client)
        answer = await self._do(lambda: access.create_self_subject_access_review(review, _request_timeout=_ANSWER))
        return bool(answer.status and answer.status.allowed)

    # How it is asked

    async def _ask(self, question: Callable[[], Awaitable[Answer]]) -> Answer | None:
        try:
            return await self._do(question)
        except _NotFound:
            return None

    async def _do(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        async def asked() -> Answer:
            return await question()

        try:
            return await to_the_end(asked())
        except ApiException as error:
            raise self._told(error) from None
        except TimeoutError:
            raise OperationError(f"{self.where} did not answer within {_ANSWER:.0f} s") from None
        except aiohttp.ClientError as error:
            raise OperationError(f"{self.where} cannot be reached: {error or type(error).__name__}") from None
        except OSError as error:
            raise OperationError(f"{self.where} cannot be reached: {error}") from None
        except ValueError as error:
            # A proxy's own page, or a version of the API that the library does not know.
            line = str(error).partition("\n")[0]
            raise OperationError(f"{self.where} gave an answer that is none of Kubernetes: {line}") from None

    def _told(self, error: ApiException) -> OperationError:
        reason = _message(error)
        match error.status:
            case 401:
                return NotAccepted(
                    f"{self.where} does not accept the credentials of the kubeconfig ({reason}): they may have"
                    " expired; put new ones into the secret"
                )
            case 403:
                return Stalled(f"{self.where} refuses it: {reason}. Give that user a Role that allows it")
            case 404:
                return _NotFound(f"{self.where} does not know it: {reason}")
            case 409:
                return OutOfDate(f"{self.where} has a newer state: {reason}")
            case 429 | 503:
                return Waiting(f"{self.where} is busy: {reason}", retry_in=_BUSY)
            case int(status) if 400 <= status < 500:
                return Stalled(f"{self.where} refuses it: {reason}")
            case status:
                return OperationError(f"{self.where} answered {status}: {reason}")


class _NotFound(Stalled):
    """What was asked for is not there."""


def _message(error: ApiException) -> str:
    """What the cluster says about it: an answer that refuses is a `Status` with a message."""
    with suppress(ValueError, AttributeError):
        if message := json.loads(error.body or "").get("message"):
            return str(message)
    return str(error.reason or error.status)
