"""What a real scheduler said (OCluster 0.3.0-22, capnp-rpc 1.2.3), said to our client again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from core.api import OperationError, Stalled
from core.testing.logs import RecordingLog
from ocluster.client import Client
from ocluster.rpc import exceptions, frames
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.submission import Submission
from tests.ocluster.replay import JOB_CANCEL, RECORDINGS, TICKET_CANCEL, Replay, recorded

SCENARIOS = sorted(path.stem for path in RECORDINGS.glob("*.jsonl"))
BUILD = Submission(
    pool="linux-x86_64", repository="https://git.example/acme/shop.git", commits=("0" * 40,), dockerfile="Dockerfile"
)


@asynccontextmanager
async def scheduler(scenario: str, tmp_path: Path) -> AsyncIterator[tuple[Replay, Client]]:
    replay = Replay(scenario)
    server = await asyncio.start_server(replay.serve, "127.0.0.1", 0)
    service = b"\x01 service \xff"
    ref = SturdyRef(host="127.0.0.1", port=server.sockets[0].getsockname()[1], fingerprint=None, service=service)
    path = tmp_path / "cap"
    path.touch(mode=0o600)
    path.write_text(str(ref))
    client = Client(path, "DEPLOYER_OCLUSTER_SUBMISSION", retry=0.2)
    try:
        yield replay, client
    finally:
        await client.close()
        server.close()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_message_of_a_real_scheduler_passes_as_it_is(scenario: str) -> None:
    messages = recorded(scenario)
    assert messages
    for sender, _, frame in messages:
        assert frames.length(frame) == len(frame)
        if sender == "server":
            assert exceptions.harmless(frame) == frame


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_our_bootstrap_is_the_one_that_a_real_scheduler_took(scenario: str) -> None:
    _, kind, frame = recorded(scenario)[0]
    assert kind == "bootstrap"
    assert frames.bootstrap_question(frame) == 0
    # A Text's length is in the upper 29 bits of its list pointer, its NUL included.
    length = (int.from_bytes(frame[44:48], "little") >> 3) - 1
    assert frames.bootstrap(0, frame[48 : 48 + length]) == frame


async def test_a_build_succeeds_with_its_log_and_its_output(tmp_path: Path) -> None:
    log, waits = RecordingLog(), list[str]()
    async with scheduler("succeeds-with-output", tmp_path) as (replay, client):
        assert await client.build(BUILD, log, waits.append) == "acme/staging@sha256:1111"
        assert replay.bootstrap == frames.bootstrap(0, b"\x01 service \xff")
    assert log.text.count("\n") >= 30
    assert "Waits for a worker of pool linux-x86_64." in waits
    assert waits[-1] == ""


async def test_a_build_without_push_answers_nothing(tmp_path: Path) -> None:
    async with scheduler("docker-build-with-push-target", tmp_path) as (_, client):
        assert await client.build(BUILD, RecordingLog(), lambda reason: None) == ""


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("fails", "Build failed"),
        ("no-such-pool", r"no pool 'nosuch' .*linux-arm64, linux-x86_64.*option `pools`"),
        ("unknown-service-id", "does not accept our capability .*DEPLOYER_OCLUSTER_SUBMISSION"),
    ],
)
async def test_how_it_ended_is_told_and_not_tried_again(scenario: str, said: str, tmp_path: Path) -> None:
    build = replace(BUILD, pool="nosuch") if scenario == "no-such-pool" else BUILD
    async with scheduler(scenario, tmp_path) as (_, client):
        with pytest.raises(OperationError, match=said) as raised:
            await asyncio.wait_for(client.build(build, RecordingLog(), lambda reason: None), 20)
    assert isinstance(raised.value, Stalled)


@pytest.mark.parametrize(
    ("scenario", "call"), [("cancelled-while-queued", TICKET_CANCEL), ("cancelled-while-running", JOB_CANCEL)]
)
async def test_a_cancelled_build_is_cancelled_there(scenario: str, call: tuple[int, int], tmp_path: Path) -> None:
    # The recording has no worker while it is queued; while it runs, the first piece of its log.
    reached, wanted = (
        asyncio.Event(),
        "" if scenario.endswith("running") else "Waits for a worker of pool linux-x86_64.",
    )

    def hear(reason: str) -> None:
        if reason == wanted:
            reached.set()

    async with scheduler(scenario, tmp_path) as (replay, client):
        running = asyncio.create_task(client.build(BUILD, RecordingLog(), hear))
        await asyncio.wait_for(reached.wait(), 20)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, 20)
        assert call in replay.calls
