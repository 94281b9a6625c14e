"""What has to be there for the demo to use Docker. It loads no flavour: what it answers decides which one is declared."""

from __future__ import annotations

import shutil

import docker


def obstacle() -> str:
    """Why the demo cannot use Docker here; empty where it can."""
    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException:
        return "no Docker engine answers (DOCKER_HOST, or the local socket)"
    for program, package in (
        ("docker", "docker.io"),
        ("docker-registry", "docker-registry"),
        ("busybox", "busybox-static"),
    ):
        if not shutil.which(program):
            return f"{program} is not installed (Debian: apt install {package})"
    return ""
