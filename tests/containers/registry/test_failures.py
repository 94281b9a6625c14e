"""What becomes of a registry that refuses, fails, is silent or answers rubbish: a real one, behind what disturbs it."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from containers.names import ImageName
from containers.registry import connection, digest_of, manifest_exists, read_file, write_index
from core.api import OperationError, Stalled, Waiting
from tests.containers.registry.disturbed import (
    Disturbance,
    Disturbed,
    damaged,
    lengthened,
    page,
    reset,
    says,
    shortened,
    telling,
    truncated,
    without,
)
from tests.containers.registry.images import Publisher, digest, file, layer
from tests.e2e.harness import free_port

OTHER = "sha256:" + "0" * 64


@pytest.fixture
def live(publisher: Publisher, proxy: Disturbed) -> ImageName:
    """An image in the registry, by its name through the proxy."""
    publisher.manifest(layer(file("kernel", b"k" * 5000)), tag="live")
    return replace(publisher.name, registry=proxy.registry.name, tag="live")


def only(error: type[OperationError], match: str) -> object:
    """Raises this error and none that is derived from it."""
    return pytest.raises(error, match=match, check=lambda raised: type(raised) is error)


# It will pass


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520])
async def test_a_registry_that_fails_is_waited_for(live: ImageName, proxy: Disturbed, status: int) -> None:
    proxy.disturb("HEAD", "/manifests/", says(status))
    with pytest.raises(Waiting, match=rf"{live.registry} cannot read {live} now: it answered {status}") as caught:
        await digest_of(live)
    assert caught.value.retry_in == 5


@pytest.mark.parametrize(("asked", "waited"), [("17", 17), ("0", 1), ("86400", 600)])
async def test_a_registry_is_left_alone_for_as_long_as_it_asks(
    live: ImageName, proxy: Disturbed, asked: str, waited: float
) -> None:
    proxy.disturb("HEAD", "/manifests/", says(429, Retry_After=asked))
    with pytest.raises(Waiting, match="asks to be asked less often") as caught:
        await digest_of(live)
    assert caught.value.retry_in == waited


async def test_a_registry_may_ask_to_be_left_alone_until_a_date(live: ImageName, proxy: Disturbed) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    proxy.disturb("HEAD", "/manifests/", says(503, Retry_After=until))
    with pytest.raises(Waiting) as caught:
        await digest_of(live)
    assert 200 < caught.value.retry_in <= 300


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9999", "Fri, 99 Foo 2026 00:00:00 GMT", "٣"])
async def test_a_wait_that_is_none_is_not_believed(live: ImageName, proxy: Disturbed, nonsense: str) -> None:
    proxy.disturb("HEAD", "/manifests/", says(429, Retry_After=nonsense.encode().decode("latin-1")))
    with pytest.raises(Waiting) as caught:
        await digest_of(live)
    assert 1 <= caught.value.retry_in <= 600


async def test_a_registry_that_does_not_listen_is_waited_for(live: ImageName) -> None:
    nobody = replace(live, registry=f"127.0.0.1:{free_port()}")
    with pytest.raises(Waiting, match=rf"{nobody.registry} cannot be reached to read {nobody}: Connection refused"):
        await digest_of(nobody)


async def test_a_connection_that_breaks_is_waited_for(live: ImageName, proxy: Disturbed) -> None:
    proxy.disturb("HEAD", "/manifests/", reset)
    with pytest.raises(Waiting, match=r"cannot be reached to read .*: Connection reset by peer"):
        await digest_of(live)


async def test_a_registry_that_is_silent_is_waited_for(
    live: ImageName, proxy: Disturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TIMEOUT", (5.0, 0.05))
    proxy.hold("HEAD", "/manifests/")
    with pytest.raises(Waiting, match=r"cannot be reached to read .*: it does not answer in time"):
        await digest_of(live)


async def test_a_host_without_an_address_is_waited_for() -> None:
    """A name server that is down answers the same."""
    with pytest.raises(Waiting, match=r"registry\.invalid cannot be reached to read"):
        await digest_of(ImageName.parse("registry.invalid/owner/image:live"))


# It will not pass


async def test_a_tag_that_is_not_there_is_named(live: ImageName) -> None:
    gone = live.tagged("gone")
    with only(Stalled, f"{gone} is not there: .* answered 404; publish it again, or mend its name"):
        await digest_of(gone)
    assert not await manifest_exists(gone)
    assert await manifest_exists(live)


async def test_an_index_that_the_registry_refuses_is_not_tried_again(live: ImageName, proxy: Disturbed) -> None:
    refusal = b'{"errors": [{"code": "MANIFEST_INVALID", "message": "we have no\\u001b[31m such thing"}]}'
    proxy.disturb("PUT", "/manifests/", says(400, refusal, Content_Type="application/json"))
    said = r"refuses to write .*: it answered 400 \(MANIFEST_INVALID: we have no\[31m such thing\)"
    with only(Stalled, said):
        await write_index(live, {"linux/amd64": await digest_of(live)}, {})


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_says_how_credentials_are_given(live: ImageName, proxy: Disturbed, status: int) -> None:
    proxy.disturb("HEAD", "/manifests/", says(status))
    name = "REGISTRY_" + live.registry.replace(".", "_").replace(":", "_")
    with only(
        Stalled, rf"does not let us read {live} .*answered {status}.*`user:password` into DEPLOYER_SECRET_{name}"
    ):
        await digest_of(live)


# Rubbish


@pytest.mark.parametrize("status", [200, 404])
async def test_a_web_page_is_no_registrys_answer(live: ImageName, proxy: Disturbed, status: int) -> None:
    for method in ("HEAD", "GET"):
        proxy.disturb(method, "/manifests/", page(status))
    with only(OperationError, "answered a web page"):
        await digest_of(live)


async def test_an_image_is_not_gone_because_of_a_web_page(live: ImageName, proxy: Disturbed) -> None:
    proxy.disturb("HEAD", "/manifests/", page(404))
    with only(OperationError, "is it a registry"):
        await manifest_exists(live)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (says(200, b"{}", Content_Type="application/json"), "of an unknown type: 'application/json'"),
        (says(200, b"[1]", Content_Type="application/json"), "no JSON object"),
        (says(200, b"\xff\xfe", Content_Type="application/json"), "no JSON object"),
        (says(200, b"[" * 100_000), "no JSON object"),
        (says(200, b'{"schemaVersion": 1}'), "schema 1"),
        (says(200, b'{"manifests": 3}', Content_Type="application/vnd.oci.image.index.v1+json"), "wrong at manifests"),
        (says(200, b" " * (5 << 20)), "more than a manifest may have"),
        (says(204), "no JSON object"),
        (says(302, Location="file:///etc/passwd"), "no registry should .*InvalidSchema"),
        (says(302, Location="/v2/elsewhere/manifests/live"), "no registry should .*TooManyRedirects"),
        (says(418), "answered 418 .* makes no sense"),
        (truncated, "broke off in the middle"),
        (shortened, "no JSON object"),
    ],
)
async def test_rubbish_instead_of_a_manifest_is_told(
    live: ImageName, proxy: Disturbed, by: Disturbance, said: str, tmp_path: Path
) -> None:
    proxy.disturb("GET", "/manifests/", by)
    (tmp_path / "out").mkdir()
    with pytest.raises(OperationError, match=said) as caught:
        await read_file(live, "/kernel", tmp_path / "out" / "kernel")
    assert not isinstance(caught.value, Waiting)
    assert not list((tmp_path / "out").iterdir())


async def test_a_digest_that_the_registry_does_not_tell_is_computed(
    live: ImageName, proxy: Disturbed, publisher: Publisher
) -> None:
    proxy.disturb("HEAD", "/manifests/", without("Docker-Content-Digest"))
    assert await digest_of(live) == digest(publisher.get("live").content)


async def test_a_digest_that_is_none_is_computed(live: ImageName, proxy: Disturbed, publisher: Publisher) -> None:
    proxy.disturb("HEAD", "/manifests/", telling(Docker_Content_Digest="md5:../../etc"))
    assert await digest_of(live) == digest(publisher.get("live").content)


async def test_a_digest_that_disagrees_with_the_name_is_computed(
    live: ImageName, proxy: Disturbed, publisher: Publisher
) -> None:
    real = digest(publisher.get("live").content)
    proxy.disturb("HEAD", "/manifests/", telling(Docker_Content_Digest=OTHER))
    assert await digest_of(live.at(real)) == real


async def test_other_bytes_than_the_digests_are_not_taken(live: ImageName, proxy: Disturbed, tmp_path: Path) -> None:
    pinned = live.at(await digest_of(live))
    proxy.disturb("GET", "/manifests/", damaged)
    with only(OperationError, f"sent other bytes than {pinned}"):
        await read_file(pinned, "/kernel", tmp_path / "kernel")


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (damaged, "sent other bytes than sha256:"),
        (shortened, "sent (other bytes|less) than"),
        (lengthened, r"sent more than the [\d,]+ bytes of sha256:"),
        (truncated, "broke off in the middle"),
        (page(200), "sent (less|more|other bytes) than"),
        (telling(Content_Encoding="gzip"), "no registry should .*: ContentDecodingError"),
    ],
)
async def test_a_blob_that_is_not_what_it_should_be_leaves_nothing(
    live: ImageName, proxy: Disturbed, by: Disturbance, said: str, tmp_path: Path
) -> None:
    proxy.disturb("GET", "/blobs/", by)
    (tmp_path / "out").mkdir()
    with only(OperationError, said):
        await read_file(live, "/kernel", tmp_path / "out" / "kernel")
    assert not list((tmp_path / "out").iterdir())


async def test_a_blob_that_is_gone_is_named(live: ImageName, proxy: Disturbed, tmp_path: Path) -> None:
    proxy.disturb("GET", "/blobs/", says(404))
    with only(Stalled, f"sha256:[0-9a-f]+ of {live} is not there"):
        await read_file(live, "/kernel", tmp_path / "kernel")


# Writing


async def test_a_registry_that_has_something_else_than_was_written_is_told(live: ImageName, proxy: Disturbed) -> None:
    proxy.disturb("PUT", "/manifests/", telling(Docker_Content_Digest=OTHER))
    with only(OperationError, f"was sent sha256:[0-9a-f]+ for {live} and says it has {OTHER}"):
        await write_index(live, {"linux/amd64": await digest_of(live)}, {})


async def test_a_registry_that_does_not_say_what_it_has_is_asked(
    live: ImageName, proxy: Disturbed, publisher: Publisher
) -> None:
    proxy.disturb("PUT", "/manifests/", without("Docker-Content-Digest"))
    answered = await write_index(live, {"linux/amd64": await digest_of(live)}, {})
    assert answered == digest(publisher.get("live").content)


@pytest.mark.parametrize("by", [says(200), says(202), page(200), says(302, Location="/v2/")])
async def test_only_a_write_that_is_said_to_be_done_is_done(live: ImageName, proxy: Disturbed, by: Disturbance) -> None:
    proxy.disturb("PUT", "/manifests/", by)
    with only(OperationError, "makes no sense"):
        await write_index(live, {"linux/amd64": await digest_of(live)}, {})


async def test_a_cancelled_write_ends_before_it_is_cancelled(
    live: ImageName, proxy: Disturbed, publisher: Publisher
) -> None:
    manifests = {"linux/amd64": await digest_of(live)}
    proxy.hold("PUT", "/manifests/live")
    writing = asyncio.create_task(write_index(live, manifests, {}))
    await asyncio.to_thread(proxy.arrived.wait, 30)

    writing.cancel()
    done, _ = await asyncio.wait({writing}, timeout=0.05)
    assert not done, "it is still under way, and may move the tag"
    proxy.held.set()

    with pytest.raises(asyncio.CancelledError):
        await writing
    assert publisher.get("live").json()["manifests"][0]["digest"] == manifests["linux/amd64"]


async def test_a_write_that_is_cancelled_before_it_began_does_not_begin(live: ImageName, proxy: Disturbed) -> None:
    manifests = {"linux/amd64": await digest_of(live)}
    proxy.hold("GET", "/manifests/")
    writing = asyncio.create_task(write_index(live, manifests, {}))
    await asyncio.to_thread(proxy.arrived.wait, 30)
    writing.cancel()
    await asyncio.sleep(0)
    proxy.held.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert not [each for each in proxy.asked if each.startswith("PUT")]


async def test_nothing_of_a_signed_address_is_told(
    live: ImageName, proxy: Disturbed, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Clouds keep blobs elsewhere, and send there with a signature that is as good as a password."""
    caplog.set_level(logging.INFO)
    place = f"http://127.0.0.1:{free_port()}/blob?X-Amz-Signature=s3cr3t"
    proxy.disturb("GET", "/blobs/", says(307, Location=place))
    with pytest.raises(Waiting, match="Connection refused") as caught:
        await read_file(live, "/kernel", tmp_path / "kernel")
    assert not re.search("s3cr3t", f"{caught.value}{caplog.text}")
