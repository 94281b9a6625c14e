"""Whose certificates are believed, and who may be spoken to in plain text."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from containers.names import ImageName
from containers.registry import digest_of, manifest_exists, session, settings, write_index
from core.api import ConfigurationError, OperationError, Stalled
from tests.containers.registry.images import Publisher, file, layer
from tests.docker_real import RealRegistry
from tests.real import required


@pytest.fixture
def secured(tls_registry: RealRegistry) -> ImageName:
    """An image in a registry behind TLS, with an authority that nobody else knows."""
    publisher = Publisher(tls_registry)
    publisher.manifest(layer(file("a", "")), tag="live")
    return publisher.name.tagged("live")


# Authorities


async def test_an_authority_that_we_were_given_is_believed(
    secured: ImageName, tls_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(tls_registry.authority))
    written = await write_index(secured.tagged("all"), {"linux/amd64": await digest_of(secured)}, {})
    assert await digest_of(secured.tagged("all")) == written


async def test_an_authority_that_docker_was_given_is_believed_for_its_registry_alone(
    secured: ImageName, tls_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert tls_registry.authority
    for registry in ("registry.example.org", tls_registry.name):
        directory = tmp_path / registry
        directory.mkdir()
        (directory / "ca.crt").write_bytes(tls_registry.authority.read_bytes())
        monkeypatch.setattr(settings, "CERTIFICATES", tmp_path)
        if registry == tls_registry.name:
            assert await manifest_exists(secured)
        else:
            with pytest.raises(Stalled, match="not believed"):
                await manifest_exists(secured)


async def test_a_certificate_that_is_not_believed_says_where_to_put_the_authority(secured: ImageName) -> None:
    said = (
        rf"the certificate of {secured.registry} is not believed \(unable to get local issuer certificate\);"
        rf" give its authority's certificate in the file that DEPLOYER_REGISTRY_CA names, or in .*{secured.registry}/ca.crt"
    )
    with pytest.raises(Stalled, match=said):
        await digest_of(secured)


async def test_a_certificate_for_another_name_is_not_believed(
    secured: ImageName, tls_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(tls_registry.authority))
    other = replace(secured, registry=secured.registry.replace("127.0.0.1", "127.0.0.2"))
    if socket.socket().connect_ex(("127.0.0.2", int(other.registry.rpartition(":")[2]))):
        with relayed(tls_registry.name) as other_name, pytest.raises(Stalled, match="IP address mismatch"):
            await digest_of(replace(secured, registry=other_name))
    else:
        with pytest.raises(Stalled, match="IP address mismatch"):
            await digest_of(other)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_an_authority_that_cannot_be_read_is_named(
    secured: ImageName, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(path))
    with pytest.raises(ConfigurationError, match=rf"certificate for {secured.registry} cannot be read: {path}"):
        await digest_of(secured)
