import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
def made_up_name(monkeypatch: pytest.MonkeyPatch) -> str:
    """A host's name that leads here without being this host's: nothing but the look-up is made up."""
    name, real = "registry.test", socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == name else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return name


@pytest.fixture
def proxy(plain_registry: RealRegistry) -> Iterator[Disturbed]:
    """The plain registry, behind a proxy that disturbs."""
    with disturbed(plain_registry) as real:
        yield real


@pytest.fixture
def publisher(plain_registry: RealRegistry) -> Publisher:
    """Pushes into a new repository of the plain registry."""
    return Publisher(plain_registry)
