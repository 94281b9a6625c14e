"""Which Deployment a service is, and how it is moved."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from core.api import Options

#: What Kubernetes lets a namespace and a container be called (RFC 1123), and, with dots, a Deployment.
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")


class KubernetesOptions(Options):
    """A Deployment that the cluster has already. The service's `host` is a context of the kubeconfig; empty: its own."""

    namespace: str = Field("default", description="The namespace that the Deployment is in.")
    deployment: str = Field("", description="The Deployment's name; the declared service's name if empty.")
    container: str = Field("", description="Which of its containers is moved; not needed where it has only one.")
    kubeconfig: str = Field(
        "kubeconfig",
        pattern=r"^[A-Za-z0-9_]{1,100}$",
        description="The name of the secret that holds the kubeconfig. Where it is not set, and the deployer runs in a"
        " pod, it uses the pod's service account.",
    )
    timeout: int = Field(
        900,
        ge=10,
        le=1700,
        description="Seconds that a rollout may take before it is moved back. The Deployment's own"
        " `progressDeadlineSeconds` may end it sooner.",
    )
    move_back: bool = Field(True, description="Move the container back to the image it had when a rollout fails.")

    @field_validator("namespace", "deployment", "container")
    @classmethod
    def _word(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError("it is a name of Kubernetes: small letters, digits, `-` and `.`")
        return value

    @field_validator("namespace")
    @classmethod
    def _there(cls, value: str) -> str:
        if not value:
            raise ValueError("a namespace has to be named")
        return value
