"""A cluster whose workers push to a real registry, and what builders on it are asked."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.api import BuildRequest, Commit, Context, Options, PublishRequest, Purpose
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from ocluster import settings
from tests.docker_real import RealRegistry
from tests.ocluster_server.scheduler import Scheduler

COMMIT = Commit(hash="0123456789abcdef0123456789abcdef01234567", message="A sample")


@pytest.fixture
async def cluster(
    scheduler: Scheduler, closed_registry: RealRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scheduler]:
    """A scheduler that this deployer is set up for, with a registry that wants a password."""
    credentials = f"{closed_registry.username}:{closed_registry.password}"
    docker = tmp_path / "docker"
    docker.mkdir()
    auth = base64.b64encode(credentials.encode()).decode()
    (docker / "config.json").write_text(json.dumps({"auths": {closed_registry.name: {"auth": auth}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(docker))
    monkeypatch.setenv("DEPLOYER_OCLUSTER_SUBMISSION", str(scheduler.capability_file))
    monkeypatch.setenv("DEPLOYER_OCLUSTER_STAGING", f"{closed_registry.name}/staging")
    monkeypatch.setenv("DEPLOYER_SECRET_OCLUSTER_STAGING", credentials)
    yield scheduler
    await settings.close()


def build_request(options: Options, **changes: Any) -> BuildRequest:
    """A release of `acme/shop` for amd64."""

    async def checkout(path: Path, *, history: bool = False) -> None:
        raise AssertionError("workers clone by themselves")

    asked: dict[str, Any] = {
        "repository": "acme/shop",
        "recipe": "shop",
        "platform": "linux/amd64",
        "commit": COMMIT,
        "purpose": Purpose.RELEASE,
        "trusted": True,
        "options": options,
        "image": "acme/shop:live",
        "clone_url": "https://git.example/acme/shop.git",
        "checkout": checkout,
    }
    return BuildRequest(**asked | changes)


def publish_request(options: Options, image: str, artifacts: dict[str, str]) -> PublishRequest:
    return PublishRequest(
        repository="acme/shop", recipe="shop", commit=COMMIT, image=image, options=options, artifacts=artifacts
    )


def context(tmp_path: Path) -> tuple[Context, RecordingLog]:
    log = RecordingLog()
    return attempt_context(tmp_path, log), log
