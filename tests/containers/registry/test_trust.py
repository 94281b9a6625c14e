"""Whose certificates are believed, and who may be spoken to in plain text."""

from __future__ import annotations

import socket
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from containers.names import ImageName
from containers.registry import digest_of, manifest_exists, session, settings, write_index
from core.api import ConfigurationError, OperationError, Stalled
from tests.containers.registry.images import Publisher, file, layer
from tests.docker_real import RealRegistry, make_certificates


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


@contextmanager
def relayed(target: str) -> Iterator[str]:
    """The same server by an address that its certificate does not know."""
    host, _, port = target.partition(":")

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as other:
                there = Thread(target=_copy, args=(self.request, other), daemon=True)
                there.start()
                _copy(other, self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.2", 0), Relay) as server:
        server.daemon_threads = True
        with serving(server):
            yield f"127.0.0.2:{server.server_address[1]}"


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


async def test_a_certificate_for_another_name_is_not_believed(
    secured: ImageName, tls_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(tls_registry.authority))
    said = r"not believed \(IP address mismatch, .*127\.0\.0\.2"
    with relayed(tls_registry.name) as other, pytest.raises(Stalled, match=said):
        await digest_of(replace(secured, registry=other))


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_an_authority_that_cannot_be_read_is_named(
    secured: ImageName, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "authority.pem"
    said = rf"certificate for {secured.registry} cannot be read: {path}"
    if content is None:
        said = r"DEPLOYER_REGISTRY_CA: Path does not point to a file \(it is '.*authority.pem'\)"
    else:
        path.write_bytes(content)
    monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(path))
    with pytest.raises(ConfigurationError, match=said):
        await digest_of(secured)


def test_an_authority_of_ones_own_does_not_take_the_systems_place(
    tls_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Blobs and tokens may come from public servers."""
    assert tls_registry.authority
    (tmp_path / "system.pem").write_bytes(tls_registry.authority.read_bytes())
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(make_certificates(own)))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    assert len(session._trust("ghcr.io").get_ca_certs()) == 2


# Plain text


@pytest.fixture
def elsewhere(plain_registry: RealRegistry, made_up_name: str) -> ImageName:
    """An image in a registry that speaks plain http, by a name that is not this host's."""
    publisher = Publisher(plain_registry)
    publisher.manifest(layer(file("a", "")), tag="live")
    port = plain_registry.name.rpartition(":")[2]
    return replace(publisher.name, registry=f"{made_up_name}:{port}", tag="live")


async def test_a_registry_elsewhere_is_not_spoken_to_in_plain_text(elsewhere: ImageName) -> None:
    said = (
        rf"{elsewhere.registry} does not speak TLS .* if it speaks plain http, name it in DEPLOYER_INSECURE_REGISTRIES"
    )
    with pytest.raises(Stalled, match=said):
        await digest_of(elsewhere)


async def test_a_registry_that_is_named_may_speak_plain_http(
    elsewhere: ImageName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_INSECURE_REGISTRIES", f"other.lan:5000, {elsewhere.registry.upper()}")
    assert await manifest_exists(elsewhere)


async def test_a_registry_that_may_speak_plain_http_and_breaks_off_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be starting: what it is for good is not known by one failure."""

    class Rude(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(10)
            self.request.sendall(b"-ERR what is it?\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Rude) as server, serving(server):
        name = ImageName.parse(f"127.0.0.1:{server.server_address[1]}/owner/image:live")
        with pytest.raises(OperationError) as caught:
            await digest_of(name)
    assert not isinstance(caught.value, Stalled)


def answering(status: int, **headers: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.mark.parametrize(
    ("handler", "plain"),
    [
        (answering(200), True),
        (answering(401), True),
        (answering(503), True),
        (answering(302, Location="/elsewhere"), True),
        (answering(400), False),
        (answering(308, Location="https://127.0.0.1/v2/"), False),
    ],
)
def test_what_a_registry_speaks_is_found_out(handler: type[BaseHTTPRequestHandler], plain: bool) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, serving(server):
        assert session.speaks_plain(f"127.0.0.1:{server.server_port}") == plain


def test_a_server_that_hangs_up_on_plain_text_speaks_tls(tls_registry: RealRegistry) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_registry.directory / "server.pem", tls_registry.directory / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), answering(200)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with serving(server):
            assert not session.speaks_plain(f"127.0.0.1:{server.server_port}")


@pytest.mark.parametrize(
    "registry", ["127.0.0.1", "127.8.9.10:5000", "localhost", "localhost:5000", "[::1]:5000", "LOCALHOST"]
)
def test_this_host_may_speak_plain_http(registry: str) -> None:
    assert settings.may_be_plain(registry)


@pytest.mark.parametrize(
    "registry",
    [
        "ghcr.io",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "10.0.0.1:5000",
        "128.0.0.1",
        "[::2]:5000",
        "",
        "[::1",
    ],
)
def test_no_other_may_that_was_not_named(registry: str) -> None:
    assert not settings.may_be_plain(registry)


def test_a_name_without_its_port_is_another_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_INSECURE_REGISTRIES", "registry.lan:5000")
    assert settings.may_be_plain("registry.lan:5000")
    assert settings.may_be_plain("REGISTRY.lan:5000")
    assert not settings.may_be_plain("registry.lan")


async def test_a_proxy_for_the_world_is_not_for_this_host(
    plain_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert not await manifest_exists(ImageName.parse(f"{plain_registry.name}/owner/none:live"))
