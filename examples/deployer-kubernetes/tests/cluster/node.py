"""A node: a registry with a few images, containerd, and the kubelet."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import yaml

from .control_plane import ControlPlane
from .images import REGISTRY, made, push
from .processes import Programs, free_port

NAME = "node"


def start(directory: Path, plane: ControlPlane) -> None:
    """Start a node of a cluster, which can pull the images that `images` makes."""
    programs = plane.programs
    registry = _start_registry(directory, programs)
    for image in made():
        push(registry, image)
    endpoint = _start_containerd(directory, programs, registry, made()[0].digest)
    programs.start(
        "kubelet",
        f"--config={_kubelet(directory, endpoint)}",
        f"--kubeconfig={plane.kubeconfig('admin')}",
        f"--root-dir={directory / 'kubelet'}",
        f"--hostname-override={NAME}",
    )


def _start_registry(directory: Path, programs: Programs) -> str:
    address = f"127.0.0.1:{free_port()}"
    configuration = directory / "registry.yml"
    storage = {"filesystem": {"rootdirectory": str(directory / "images")}}
    configuration.write_text(yaml.safe_dump({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    programs.start("docker-registry", "serve", str(configuration))

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://{address}/v2/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    programs.wait("the registry", answers)
    return address


def _start_containerd(directory: Path, programs: Programs, registry: str, pause: str) -> str:
    hosts, network, root = directory / "hosts" / REGISTRY, directory / "network", directory / "containerd"
    hosts.mkdir(parents=True)
    hosts.joinpath("hosts.toml").write_text(
        f'server = "http://{registry}"\n[host."http://{registry}"]\n  capabilities = ["pull", "resolve"]\n'
    )
    network.mkdir()
    # No pod asks for a network of its own; there only has to be one.
    plugins = [{"type": "loopback"}]
    network.joinpath("10-none.conflist").write_text(
        json.dumps({"cniVersion": "0.4.0", "name": "none", "plugins": plugins})
    )
    endpoint = directory / "containerd.sock"
    configuration = directory / "containerd.toml"
    configuration.write_text(f"""
version = 2
root = "{root}/root"
state = "{root}/state"
[grpc]
  address = "{endpoint}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{REGISTRY}/pause@{pause}"
  # Whoever runs the tests may not make its processes less likely to be ended.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "{network}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{directory}/hosts"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
""")
    programs.start("containerd", f"--config={configuration}")
    programs.wait("containerd", lambda: _listens(endpoint))
    return f"unix://{endpoint}"


def _kubelet(directory: Path, endpoint: str) -> Path:
    configuration = directory / "kubelet.yml"
    # Nobody else reaches it, and it does nothing but for this cluster.
    configuration.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "containerRuntimeEndpoint": endpoint,
                "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
                "authorization": {"mode": "AlwaysAllow"},
                "cgroupDriver": "cgroupfs",
                "cgroupsPerQOS": False,
                "enforceNodeAllocatable": [],
                "failSwapOn": False,
                "failCgroupV1": False,
                "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
                "nodeStatusUpdateFrequency": "2s",
                "port": free_port(),
                "healthzPort": 0,
                "oomScoreAdj": 0,
                "localStorageCapacityIsolation": False,
            }
        )
    )
    return configuration


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def end(directory: Path) -> None:
    """End what outlives the programs that started it: the pods' processes, and what was mounted for them."""
    for file in directory.glob("containerd/state/io.containerd.runtime.v2.task/k8s.io/*/init.pid"):
        with suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if words[0].endswith(b"containerd-shim-runc-v2") and str(directory).encode() in b" ".join(words):
                os.kill(int(path.parent.name), signal.SIGKILL)
    mounted = [line.split(" ")[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in sorted((each for each in mounted if each.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)
