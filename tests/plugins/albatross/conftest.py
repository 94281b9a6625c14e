"""A real registry that holds unikernels, and an endpoint that stands in for Albatross's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.api import DeployRequest, Release, ServicePlace
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.albatross.deployer import AlbatrossDeployer
from plugins.albatross.options import AlbatrossOptions
from tests.containers.registry.conftest import publisher
from tests.containers.registry.images import Publisher, file, layer
from tests.docker_real import plain_registry
from tests.plugins.albatross.authority import Authority, Credentials
from tests.plugins.albatross.endpoint import Endpoint
from tests.unikernels.factory import unikernel

__all__ = ["plain_registry", "publisher"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def endpoint(authority: Authority) -> Iterator[Endpoint]:
    with Endpoint(authority) as running:
        yield running


@pytest.fixture(autouse=True)
def _secrets(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    set_secrets(monkeypatch, authority.user(), authority.root_pem)


def set_secrets(monkeypatch: pytest.MonkeyPatch, credentials: Credentials, server_ca: str) -> None:
    """Give these credentials to the plugin."""
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_CERTIFICATE", credentials.chain_pem)
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_KEY", credentials.key_pem)
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_SERVER_CA", server_ca)


def place(endpoint: Endpoint, **options: object) -> ServicePlace:
    """The service `hello` on the endpoint."""
    chosen = AlbatrossOptions.model_validate({"settle": 0.3, **options})
    return ServicePlace(name="hello", host=f"{endpoint.host}:{endpoint.port}", options=chosen)


@pytest.fixture
def service(endpoint: Endpoint) -> ServicePlace:
    return place(endpoint)


def released(publisher: Publisher, content: str, target: str = "hvt", devices: dict[str, str] | None = None) -> Release:
    """A release whose image holds one unikernel."""
    members = layer(file(f"unikernel.{target}", unikernel(target, devices, content)))
    return Release(image=str(publisher.name), digest=publisher.manifest(members))


async def deploy(
    service: ServicePlace,
    release: Release,
    tmp_path: Path,
    previous: Release | None = None,
    log: RecordingLog | None = None,
) -> str:
    """Deploy as a runner would; answer the log."""
    log = log or RecordingLog()
    request = DeployRequest(service=service, release=release, previous=previous)
    await AlbatrossDeployer().deploy(request, attempt_context(tmp_path, log))
    return log.text
