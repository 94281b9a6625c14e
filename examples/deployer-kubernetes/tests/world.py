"""What tests find in a cluster and do to it, besides the plugin: for real, or not at all where it is only replayed."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from core.api import Release

from .cluster.control_plane import ControlPlane
from .cluster.images import READY, REGISTRY, made
from .cluster.processes import VARIABLE
from .exchanges import Peer, Recorder

RECORDINGS = Path(__file__).parent / "recordings"
CONTAINER = "web"
#: The image that a Deployment begins with where nothing was deployed to it: nobody published that.
PLACEHOLDER = f"{REGISTRY}/shop:placeholder"
_DEPLOYMENTS = "/apis/apps/v1 /deployments"
_ACCESS = "/apis/rbac.authorization.k8s.io/v1"
#: What the deployer may do, as the README tells to set it up.
ROLE = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]
#: What somebody may do who may only look.
LOOKS = [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}]


#: By name, what the images have for digests: where there is a real cluster, those that are made for it.
DIGESTS = RECORDINGS / "images.json"
if os.environ.get(VARIABLE):
    DIGESTS.write_text(json.dumps({image.name: image.digest for image in made()}, indent=4) + "\n")


def release(name: str) -> Release:
    """A release that the node can pull, by the name in `images`; one that nobody published for `missing`."""
    digest = f"sha256:{'0' * 64}" if name == "missing" else json.loads(DIGESTS.read_text())[name]
    return Release(image=f"{REGISTRY}/shop", digest=digest)


class World:
    """A namespace of a cluster that is only replayed: what is done to it was done when it was recorded.

    :param name: the namespace.
    :param peer: what the plugin talks to.
    """

    def __init__(self, name: str, peer: Peer) -> None:
        self.name = name
        self._peer = peer

    @property
    def clock(self) -> Callable[[], float]:
        return self._peer.clock

    def go_silent(self, times: int) -> None:
        """Do not answer the plugin's next requests."""
        self._peer.silent = times

    def kubeconfig(self, **change: Any) -> str:
        """A kubeconfig in which each user has a context, the plugin's first."""
        users = [{"name": name, "user": {"token": token}} for token, name in self._peer.users.items()]
        contexts = [{"name": user["name"], "context": {"cluster": "cluster", "user": user["name"]}} for user in users]
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "deployer",
            "clusters": [{"name": "cluster", "cluster": {"server": self._peer.address}}],
            "users": users,
            "contexts": contexts,
        }
        return yaml.safe_dump({**content, **change})

    def create(self, name: str = "shop", image: str = PLACEHOLDER, **spec: Any) -> None:
        """Make a Deployment, and wait until it is seen what becomes of it: its pods are ready, or cannot be."""

    def edit(self, change: Mapping[str, Any], name: str = "shop") -> None:
        """Change a Deployment as `kubectl` would."""

    def delete(self, name: str = "shop") -> None:
        """Remove a Deployment."""

    def settle(self, name: str = "shop") -> None:
        """Wait until a Deployment's pods are what it says, and no other is left."""

    def crashed(self, name: str = "shop") -> None:
        """Wait until a container of the image `crashes` has."""

    def before_patch(self, act: Callable[[], None]) -> None:
        """Do something just before the plugin's next change reaches the cluster."""


class RealWorld(World):
    """A namespace of a real cluster."""

    def __init__(self, name: str, recorder: Recorder, plane: ControlPlane) -> None:
        super().__init__(name, recorder)
        self._recorder = recorder
        self._plane = plane
        self._make_namespace()

    def create(self, name: str = "shop", image: str = PLACEHOLDER, **spec: Any) -> None:
        self._do("POST", _DEPLOYMENTS, _deployment(name, image, spec))
        if image == PLACEHOLDER:
            self._until(lambda: self._waits(name), "pod that waits for its image")
        else:
            self.settle(name)

    def edit(self, change: Mapping[str, Any], name: str = "shop") -> None:
        self._do("PATCH", f"{_DEPLOYMENTS}/{name}?fieldManager=kubectl-edit", change)

    def delete(self, name: str = "shop") -> None:
        self._do("DELETE", f"{_DEPLOYMENTS}/{name}")
        self._until(lambda: not self._pods(name), "end of the pods")

    def settle(self, name: str = "shop") -> None:
        def settled() -> bool:
            found = self._do("GET", f"{_DEPLOYMENTS}/{name}")
            status, wanted = found["status"], found["spec"]["replicas"]
            return bool(
                status.get("observedGeneration") == found["metadata"]["generation"]
                and status.get("availableReplicas", 0) == status.get("updatedReplicas", 0) == wanted
                and len(self._pods(name)) == wanted
            )

        self._until(settled, "pods that are ready")

    def crashed(self, name: str = "shop") -> None:
        def ended() -> bool:
            states = [{**each["lastState"], **each["state"]} for each in self._containers(name)]
            return any(each.get("terminated", {}).get("exitCode") == 3 for each in states)

        self._until(ended, "container that crashed")

    def before_patch(self, act: Callable[[], None]) -> None:
        self._recorder.before_patch = act

    def end(self) -> None:
        self._do("DELETE", "")

    def _do(self, method: str, path: str, body: Any = None) -> Any:
        group, _, rest = path.partition(" ")
        place = f"{group or '/api/v1'}/namespaces/{self.name}{rest}"
        return self._plane.asker.do(self._plane.tokens["admin"], method, place, body)

    def _pods(self, name: str) -> list[Any]:
        return list(self._do("GET", f" /pods?labelSelector=app%3D{name}")["items"])

    def _containers(self, name: str) -> list[Any]:
        return [each for pod in self._pods(name) for each in pod["status"].get("containerStatuses", ())]

    def _waits(self, name: str) -> bool:
        return any("Pull" in each["state"].get("waiting", {}).get("reason", "") for each in self._containers(name))

    def _until(self, ready: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if ready():
                return
            time.sleep(0.2)
        pods = [pod["status"] for pod in self._do("GET", " /pods")["items"]]
        raise AssertionError(f"no {what} in {self.name}: {json.dumps(pods)[:3000]}")

    def _make_namespace(self) -> None:
        admin, asker = self._plane.tokens["admin"], self._plane.asker
        # One of an earlier run may be on its way out.
        while asker.ask(admin, "POST", "/api/v1/namespaces", {"metadata": {"name": self.name}}).status == 409:
            time.sleep(0.5)
        for user, rules in (("deployer", ROLE), ("observer", LOOKS)):
            self._do("POST", f"{_ACCESS} /roles", {"metadata": {"name": user}, "rules": rules})
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user}
            subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
            binding = {"metadata": {"name": user}, "roleRef": reference, "subjects": [subject]}
            self._do("POST", f"{_ACCESS} /rolebindings", binding)


def namespace_of(test: str) -> str:
    """The namespace, and the recording, of a test."""
    return re.sub(r"[^a-z0-9]+", "-", test.lower().removeprefix("test_")).strip("-")[:60].strip("-")


def _deployment(name: str, image: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    probe = {"exec": {"command": READY}, "periodSeconds": 1}
    container = {"name": CONTAINER, "image": image, "readinessProbe": probe}
    pod = {
        "hostNetwork": True,
        "terminationGracePeriodSeconds": 1,
        "containers": [container, *spec.get("more", ())],
        "tolerations": [{"operator": "Exists"}],
    }
    given = {
        "replicas": 1,
        "progressDeadlineSeconds": 10,
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
    }
    return {"metadata": {"name": name}, "spec": {**given, **{key: spec[key] for key in spec if key != "more"}}}
