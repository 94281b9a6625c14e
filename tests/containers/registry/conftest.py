from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.registry.disturbed import Disturbed, disturbed
from tests.containers.registry.images import Publisher
from tests.docker_real import RealRegistry


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's credentials, proxies and authorities but the test's own."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in (
        "DEPLOYER_INSECURE_REGISTRIES",
        "DEPLOYER_REGISTRY_CA",
        "REQUESTS_CA_BUNDLE",
        "HTTPS_PROXY",
        "HTTP_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def proxy(plain_registry: RealRegistry) -> Iterator[Disturbed]:
    """The plain registry, behind a proxy that disturbs."""
    with disturbed(plain_registry) as real:
        yield real


@pytest.fixture
def publisher(plain_registry: RealRegistry) -> Publisher:
    """Pushes into a new repository of the plain registry."""
    return Publisher(plain_registry)
