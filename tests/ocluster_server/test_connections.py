"""Who gets a connection, and to what: keys, certificates and ids, as the real scheduler has it."""

from __future__ import annotations

import ssl
import stat
import time
from pathlib import Path
from typing import Any

import capnp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ocluster.rpc import frames
from ocluster.rpc.schema import api
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.rpc.vat import connect
from tests.ocluster_server import messages
from tests.ocluster_server.access import key_digest
from tests.ocluster_server.client import by_hand, connected, context, received, submissions, submit
from tests.ocluster_server.fixtures import scheduler as scheduler
from tests.ocluster_server.scheduler import Scheduler


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def exception(frame: bytes | None) -> str:
    """What an abort, or a return, says."""
    assert frame is not None
    with messages.schema().Message.from_bytes(frame) as message:
        body = getattr(message, str(message.which()))
        return str(body.reason if message.which() == "abort" else body.exception.reason)


def kind(frame: bytes | None) -> str:
    assert frame is not None
    with messages.schema().Message.from_bytes(frame) as message:
        return str(getattr(message, str(message.which())).which())


def test_capability_files_are_for_their_owner_alone_and_name_one_server(scheduler: Scheduler) -> None:
    for file in (scheduler.capability_file, scheduler.admin_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    submission, admin = (
        SturdyRef.parse(file.read_text()) for file in (scheduler.capability_file, scheduler.admin_file)
    )
    assert submission.fingerprint == admin.fingerprint
    assert (len(submission.service), len(admin.service)) == (20, 32)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_are_spoken(version: ssl.TLSVersion, scheduler: Scheduler, tmp_path: Path) -> None:
    client = context(new_key(), tmp_path)
    client.minimum_version = client.maximum_version = version
    with by_hand(scheduler, client) as connection:
        connection.sendall(frames.bootstrap(0, SturdyRef.parse(scheduler.uri).service))
        assert kind(received(connection)) == "results"


def test_who_shows_no_certificate_is_neither_answered_nor_sent_away(scheduler: Scheduler, tmp_path: Path) -> None:
    with by_hand(scheduler, context(None, tmp_path)) as connection:
        connection.sendall(frames.bootstrap(0, SturdyRef.parse(scheduler.uri).service))
        end = time.monotonic() + 20
        while b"No client certificate found" not in (scheduler.directory / "log").read_bytes():
            assert time.monotonic() < end
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert scheduler.connections() == (1, 1)


@pytest.mark.parametrize("new_one_goes", [True, False])
def test_of_two_connections_with_one_key_the_digests_decide_which_stays(
    new_one_goes: bool, scheduler: Scheduler, tmp_path: Path
) -> None:
    ref = SturdyRef.parse(scheduler.uri)
    assert ref.fingerprint
    key = new_key()
    while (ref.fingerprint > key_digest(key.public_key())) is not new_one_goes:
        key = new_key()
    client, hello = context(key, tmp_path), frames.bootstrap(0, ref.service)
    with by_hand(scheduler, client) as old:
        old.sendall(hello)
        assert kind(received(old)) == "results"
        with by_hand(scheduler, client) as new:
            if new_one_goes:
                assert received(new) is None
                old.sendall(frames.bootstrap(1, ref.service))
                assert kind(received(old)) == "results"
            else:
                new.sendall(hello)
                assert kind(received(new)) == "results"
                assert exception(received(old)) == "Closing duplicate connection"
                assert received(old) is None


@pytest.mark.parametrize("id", [b"", b"unknown", bytes(20)])
def test_an_id_that_nobody_has_is_told_and_the_connection_stays(
    id: bytes, scheduler: Scheduler, tmp_path: Path
) -> None:
    with by_hand(scheduler, context(new_key(), tmp_path)) as connection:
        for number in range(2):
            connection.sendall(frames.bootstrap(number, id))
            assert exception(received(connection)) == "Unknown persistent service ID"


def test_an_id_that_is_no_text_ends_the_connection(scheduler: Scheduler, tmp_path: Path) -> None:
    id = SturdyRef.parse(scheduler.uri).service
    # The length of its list, one byte shorter: its last byte is not NUL then.
    text = frames.bootstrap(0, id).replace(
        (((len(id) + 1) << 3) | 2).to_bytes(4, "little"), ((len(id) << 3) | 2).to_bytes(4, "little")
    )
    with by_hand(scheduler, context(new_key(), tmp_path)) as connection:
        connection.sendall(text)
        assert exception(received(connection)).startswith("Capnp__Message.Invalid_message")
        assert received(connection) is None


@pytest.mark.parametrize("sent", [bytes(range(100, 200)), b"GET / HTTP/1.0\r\n\r\n"])
def test_who_does_not_speak_the_protocol_is_sent_away(sent: bytes, scheduler: Scheduler, tmp_path: Path) -> None:
    with by_hand(scheduler, context(new_key(), tmp_path)) as connection:
        connection.sendall(b"\xff" * 8 + sent)
        received(connection)
        assert received(connection) is None


async def test_a_client_without_access_is_told_so_and_unknown_when_it_comes_again(scheduler: Scheduler) -> None:
    async with submissions(scheduler) as submission:
        await (await submit(submission)).log()
        scheduler.revoke()
        assert await reason((await submit(submission)).result) == "Access has been revoked"
    async with submissions(scheduler) as submission:
        assert await reason(submission.cast_as(api().Persistent).save()) == "Unknown persistent service ID"


async def test_dropped_connections_are_gone_and_new_ones_are_taken(scheduler: Scheduler) -> None:
    async with connected(scheduler.capability_file) as vat:
        await vat.client(api().Persistent).save()
        scheduler.drop_connections()
        await vat.wait_gone()
        again = await connect(SturdyRef.parse(scheduler.uri))
        assert (await again.client(api().Persistent).save()).sturdyRef.as_text() == scheduler.uri
        assert scheduler.connections() == (2, 1)


async def reason(promise: Any) -> str:
    with pytest.raises(capnp.KjException) as raised:
        await promise
    return str(raised.value.description.removeprefix("remote exception: "))


async def test_without_tls_it_says_insecure(tmp_path: Path) -> None:
    with Scheduler(tmp_path / "scheduler", tls=False) as scheduler:
        assert scheduler.uri.startswith("capnp://insecure@127.0.0.1:")
        async with submissions(scheduler) as submission:
            assert (await (await submit(submission)).log()).endswith(b"Job succeeded\n")
