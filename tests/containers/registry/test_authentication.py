"""Who we are to a registry: a password, a token, an identity token; and to whom none of it is told."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from containers import checks
from containers.credentials import Credentials, secret_name, write_config
from containers.names import ImageName
from containers.registry import digest_of, manifest_exists, read_file, write_index
from containers.registry.authentication import challenges
from core.api import OperationError, Stalled, Waiting
from tests.containers.registry.disturbed import Answer, Disturbed, disturbed, says
from tests.containers.registry.images import Publisher, file, layer
from tests.containers.registry.tokens import IDENTITY, PASSWORD, USER, TokenServer, token_server
from tests.docker_real import RealRegistry, registry


def give(monkeypatch: pytest.MonkeyPatch, name: str, username: str, password: str) -> None:
    monkeypatch.setenv(f"DEPLOYER_SECRET_{secret_name(name).upper()}", f"{username}:{password}")


# A password (Basic)


@pytest.fixture
def closed(closed_registry: RealRegistry) -> ImageName:
    publisher = Publisher(closed_registry)
    publisher.manifest(layer(file("a", "secret")), tag="live")
    return publisher.name.tagged("live")


async def test_a_registry_with_a_password_is_read_and_written(
    closed: ImageName, closed_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    give(monkeypatch, closed.registry, closed_registry.username, closed_registry.password)
    image = await digest_of(closed)
    written = await write_index(closed.tagged("all"), {"linux/amd64": image}, {})
    await read_file(closed.at(written), "a", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "secret"


async def test_whether_we_may_push_is_known_without_pushing(
    closed: ImageName, closed_registry: RealRegistry, plain_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    [refused] = [finding async for finding in checks.of_image(str(closed))]
    assert refused.level == "error"
    assert f"does not let us write {closed}" in refused.text
    give(monkeypatch, closed.registry, closed_registry.username, closed_registry.password)
    [allowed] = [finding async for finding in checks.of_image(str(closed))]
    assert (allowed.level, allowed.text) == ("ok", f"{closed.registry} lets us push {closed.name}")
    new = replace(closed, registry=plain_registry.name, repository="never/pushed")
    assert [finding.level async for finding in checks.of_image(str(new))] == ["ok"]
    assert not await manifest_exists(new)
    gone = replace(closed, registry="127.0.0.1:1")
    [unreachable] = [finding async for finding in checks.of_image(str(gone))]
    assert "cannot be reached" in unreachable.text
    assert unreachable.remedy.startswith("See whether")


async def test_what_docker_login_keeps_is_used(
    closed: ImageName, closed_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known = Credentials(closed.registry, closed_registry.username, closed_registry.password)
    write_config(tmp_path / "login", [known])
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "login"))
    assert await manifest_exists(closed)


async def test_without_a_password_it_is_told_how_to_give_one(closed: ImageName) -> None:
    name = secret_name(closed.registry)
    said = rf"does not let us read {closed} .*`user:password` into DEPLOYER_SECRET_{name.upper()} or the file .*{name}"
    with pytest.raises(Stalled, match=said):
        await digest_of(closed)


async def test_a_wrong_password_is_told_to_nobody(
    closed: ImageName, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    give(monkeypatch, closed.registry, "ann", "hunter2-wrong")
    with pytest.raises(Stalled, match="credentials are missing, wrong or not enough") as caught:
        await digest_of(closed)
    kept = base64.b64encode(b"ann:hunter2-wrong").decode()
    assert not any(each in f"{caught.value!r}{caplog.text}" for each in ("hunter2-wrong", kept))


async def test_a_netrc_says_nothing_of_who_we_are(
    closed: ImageName,
    closed_registry: RealRegistry,
    made_up_name: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "netrc").write_text(f"machine {made_up_name} login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    name = replace(closed, registry=closed.registry.replace("127.0.0.1", made_up_name))
    monkeypatch.setenv("DEPLOYER_INSECURE_REGISTRIES", name.registry)
    give(monkeypatch, name.registry, closed_registry.username, closed_registry.password)
    assert await manifest_exists(name)


async def test_an_identity_token_is_no_password(
    closed: ImageName, closed_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with disturbed(closed_registry) as front:
        name = replace(closed, registry=front.registry.name)
        write_config(tmp_path / "login", [Credentials(name.registry, "<token>", "", IDENTITY)])
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "login"))
        with pytest.raises(Stalled, match="does not let us read"):
            await digest_of(name)
    assert not any(front.authorized)


async def test_a_password_follows_no_redirect_to_another_server(
    closed: ImageName, closed_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Registries of clouds send to a store for blobs, which is somebody else's."""
    with disturbed(closed_registry) as front, disturbed(closed_registry) as elsewhere:
        elsewhere.disturb("GET", "/blobs/", says(404))
        front.disturb("GET", "/blobs/", says(307, Location=f"http://{elsewhere.registry.name}/v2/x/blobs/y?signed=1"))
        name = replace(closed, registry=front.registry.name)
        give(monkeypatch, name.registry, closed_registry.username, closed_registry.password)
        with pytest.raises(Stalled, match="is not there"):
            await read_file(name, "a", tmp_path / "a")
    assert any(front.authorized)
    assert elsewhere.asked == ["GET /v2/x/blobs/y?signed=1"]
    assert elsewhere.authorized == [""]


async def test_a_blob_from_another_server_is_taken_and_checked(
    publisher: Publisher, proxy: Disturbed, plain_registry: RealRegistry, tmp_path: Path
) -> None:
    publisher.manifest(layer(file("a", "from afar")), tag="live")
    blob = publisher.get("live").json()["layers"][0]["digest"]
    place = f"http://{plain_registry.name}/v2/{publisher.name.repository}/blobs/{blob}"
    proxy.disturb("GET", "/blobs/", says(307, Location=place))
    await read_file(replace(publisher.name, registry=proxy.registry.name, tag="live"), "a", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "from afar"


async def test_nobody_sends_us_on_to_plain_http_elsewhere(
    publisher: Publisher, proxy: Disturbed, tmp_path: Path
) -> None:
    publisher.manifest(layer(file("a", "")), tag="live")
    proxy.disturb("GET", "/blobs/", says(307, Location="http://blobs.example.org:8080/x"))
    name = replace(publisher.name, registry=proxy.registry.name, tag="live")
    said = r"plain http: .* name blobs\.example\.org:8080 in DEPLOYER_INSECURE_REGISTRIES"
    with pytest.raises(Stalled, match=said):
        await read_file(name, "a", tmp_path / "a")


# A token (Bearer)


@pytest.fixture(params=["http", "https"])
def tokens(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    with token_server(tmp_path / "tokens", tls=request.param == "https") as server:
        if request.param == "https":
            monkeypatch.setenv("DEPLOYER_REGISTRY_CA", str(server.directory / "ca.pem"))
        yield server


@pytest.fixture
def guarded(tokens: TokenServer, tmp_path: Path) -> Iterator[ImageName]:
    """An image in a registry that asks for tokens; it was put there before it did."""
    with registry(tmp_path / "registry") as real:
        publisher = Publisher(real, "owner/image")
        publisher.manifest(layer(file("a", "secret")), tag="live")
    with registry(tmp_path / "registry", auth=tokens.settings()) as real:
        yield replace(publisher.name, registry=real.name, tag="live")


async def test_a_token_is_fetched_for_what_is_wanted_and_no_more(
    guarded: ImageName, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    give(monkeypatch, guarded.registry, USER, PASSWORD)
    image = await digest_of(guarded)
    assert [asked["scope"] for _, asked in tokens.asked] == ["repository:owner/image:pull"]

    tokens.asked.clear()
    written = await write_index(guarded.tagged("all"), {"linux/amd64": image}, {})
    assert [set(asked["scope"].rpartition(":")[2].split(",")) for _, asked in tokens.asked] == [
        {"pull"},
        {"pull", "push"},
    ]

    await read_file(guarded.at(written), "a", tmp_path / "a")
    assert (tmp_path / "a").read_text() == "secret"


async def test_a_token_that_runs_out_on_the_way_is_fetched_again(
    guarded: ImageName, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The registry allows a minute of difference between clocks: this one is good for two seconds.
    tokens.seconds = -58
    with disturbed(RealRegistry(guarded.registry, tmp_path)) as front:
        give(monkeypatch, front.registry.name, USER, PASSWORD)
        front.hold("GET", "/blobs/")
        reading = asyncio.create_task(read_file(replace(guarded, registry=front.registry.name), "a", tmp_path / "a"))
        await asyncio.to_thread(front.arrived.wait, 30)
        tokens.seconds, over = 60, time.time() + 3
        while time.time() < over:
            await asyncio.sleep(0.1)
        front.held.set()
        await reading
    assert (tmp_path / "a").read_text() == "secret"
    assert len(tokens.asked) == 2


async def test_what_is_public_is_read_without_a_password(guarded: ImageName, tokens: TokenServer) -> None:
    tokens.public = True
    image = await digest_of(guarded)
    with pytest.raises(Stalled, match=rf"does not let us write {guarded.registry}/owner/image:all .*`user:password`"):
        await write_index(guarded.tagged("all"), {"linux/amd64": image}, {})


async def test_what_is_not_public_is_refused_with_how_to_get_in(guarded: ImageName) -> None:
    with pytest.raises(Stalled, match=r"does not let us read .*`user:password`"):
        await digest_of(guarded)


async def test_an_identity_token_is_exchanged(
    guarded: ImageName, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What `docker login` keeps for registries that give one out instead of taking the password each time."""
    write_config(tmp_path / "login", [Credentials(guarded.registry, "<token>", "", IDENTITY)])
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "login"))
    assert await manifest_exists(guarded)
    ((method, asked),) = tokens.asked
    assert method == "POST"
    assert asked["grant_type"] == "refresh_token"


async def test_a_wrong_password_is_refused_by_the_token_server(
    guarded: ImageName, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    give(monkeypatch, guarded.registry, USER, "hunter2-wrong")
    with pytest.raises(Stalled, match=r"401 by 127\.0\.0\.1:\d+.*`user:password`") as caught:
        await digest_of(guarded)
    assert "hunter2-wrong" not in f"{caught.value!r}{caplog.text}"
    assert len(tokens.asked) == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((429, b"{}"), Waiting, "where .* has us log in, answered 429"),
        ((503, b"{}"), Waiting, "answered 503"),
        ((404, b"{}"), OperationError, "answered 404"),
        ((307, b"http://127.0.0.1:1/"), OperationError, "answered 307"),
        ((200, b"<html>"), OperationError, "answered without a token"),
        ((200, b"[]"), OperationError, "answered without a token"),
        ((200, b'{"token": ""}'), OperationError, "answered without a token"),
        ((200, b'{"token": "a\\r\\nX-Other: b"}'), OperationError, "answered without a token"),
        ((200, json.dumps({"token": "x" * 300_000}).encode()), OperationError, "answered without a token"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_token_server_that_fails_is_named(
    guarded: ImageName, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch, answer: Any, error: type, said: str
) -> None:
    give(monkeypatch, guarded.registry, USER, PASSWORD)
    tokens.answer = answer
    with pytest.raises(error, match=said) as caught:
        await digest_of(guarded)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("challenge", "error", "said"),
    [
        ('Bearer realm="http://auth.example.org/token"', Stalled, "by plain http at auth.example.org"),
        ('Bearer realm="ftp://127.0.0.1/token"', OperationError, "does not say from where"),
        ('Bearer realm="http://[broken/token"', OperationError, "does not say from where"),
        ("Bearer", OperationError, "does not say from where"),
        ("Negotiate", Stalled, "does not let us read"),
        ("", Stalled, "does not let us read"),
    ],
)
async def test_a_password_is_told_to_no_server_that_should_not_know_it(
    publisher: Publisher, proxy: Disturbed, monkeypatch: pytest.MonkeyPatch, challenge: str, error: type, said: str
) -> None:
    name = replace(publisher.name, registry=proxy.registry.name, tag="live")
    give(monkeypatch, name.registry, USER, PASSWORD)
    proxy.disturb("HEAD", "/manifests/", says(401, WWW_Authenticate=challenge))
    with pytest.raises(error, match=said):
        await digest_of(name)
    assert not any(proxy.authorized)


async def test_a_registry_that_offers_both_gets_a_token(
    guarded: ImageName, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offer_both(answer: Answer) -> Answer:
        token = answer.headers.get("Www-Authenticate", "")
        return answer.also(Www_Authenticate=f'Basic realm="not Bearer", {token}') if token else answer

    with disturbed(RealRegistry(guarded.registry, tmp_path)) as front:
        front.disturb("HEAD", "/manifests/", offer_both)
        give(monkeypatch, front.registry.name, USER, PASSWORD)
        assert await manifest_exists(replace(guarded, registry=front.registry.name))
    assert {each.partition(" ")[0] for each in front.authorized if each} == {"Bearer"}


# Challenges


@pytest.mark.parametrize(
    ("header", "read"),
    [
        ("", {}),
        ("Basic", {"basic": {}}),
        ('BASIC realm="Registry Realm"', {"basic": {"realm": "Registry Realm"}}),
        (
            'Bearer realm="https://a/t",service="r",scope="repository:a/b:pull,push"',
            {"bearer": {"realm": "https://a/t", "service": "r", "scope": "repository:a/b:pull,push"}},
        ),
        ('Bearer Realm = "a\\"b" , service=plain', {"bearer": {"realm": 'a"b', "service": "plain"}}),
        (
            'Basic realm="x, Bearer realm=y", Bearer realm="z"',
            {"basic": {"realm": "x, Bearer realm=y"}, "bearer": {"realm": "z"}},
        ),
    ],
)
def test_a_challenge_is_read(header: str, read: dict[str, dict[str, str]]) -> None:
    assert challenges(header) == read
