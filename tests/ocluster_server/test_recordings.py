"""The stand-in answers a recorded client as the real scheduler did (OCluster 0.3.0-22, capnp-rpc 1.2.3)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.ocluster.replay import opened, recorded
from tests.ocluster_server import messages
from tests.ocluster_server.interfaces import api
from tests.ocluster_server.scheduler import CLIENT, Scheduler
from tests.ocluster_server.script import Script

#: What the recording's worker did with each.
SCRIPTS = {
    "cancelled-while-queued": Script(),
    "cancelled-while-running": Script(hangs=True),
    "docker-build-with-push-target": Script(output=""),
    "fails": Script(fail="exit status 3"),
    "no-such-pool": Script(),
    "succeeds-with-output": Script(lines=30, output="acme/staging@sha256:1111"),
    "unknown-service-id": Script(),
}
POOLS = {"linux-arm64": {}, "linux-x86_64": {"w1": 100}}

Told = tuple[Any, ...]


def understood(frame: bytes) -> Told:
    """A message of a server: what it answers or resolves, and with what."""
    with opened(frame) as message:
        kind = str(message.which())
        body = getattr(message, kind)
        number = body.answerId if kind == "return" else body.promiseId
        if body.which() == "exception":
            return kind, number, str(body.exception.reason), str(body.exception.type)
        if kind == "resolve":
            return kind, number, cap(body.cap)
        return kind, number, [cap(each) for each in body.results.capTable], content(body.results)


def cap(descriptor: Any) -> tuple[str, int]:
    which = str(descriptor.which())
    return which, getattr(descriptor, which)


def content(results: Any) -> tuple[str, ...]:
    """The text of an output, or of a piece of a log; nothing of what has neither."""
    if len(results.capTable):
        return ()
    # Results of `log` have a number and data; those of `result` have a text alone. Either reads as the other's rest.
    log = results.content.as_struct(api().Job.schema.methods["log"].result_type)
    return log.next, bytes(log.log)


class Client:
    """Says what the recorded client said."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._socket = socket.create_connection(("127.0.0.1", scheduler.port), timeout=20)
        self._received = bytearray()

    def say(self, frames: Sequence[bytes]) -> None:
        self._socket.sendall(b"".join(frames))

    def hear(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            while (frame := messages.take(self._received)) is None:
                data = self._socket.recv(1 << 16)
                assert data, "the connection ended"
                self._received += data
            yield frame

    def hears_no_more(self) -> bool:
        self._socket.shutdown(socket.SHUT_WR)
        return not self._socket.recv(1)

    def end(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("scenario", SCRIPTS)
def test_a_recorded_client_hears_what_it_heard(scenario: str, tmp_path: Path) -> None:
    exchange = recorded(scenario)
    service = messages.object_id(exchange[0][2])
    directory = tmp_path / "scheduler"
    directory.mkdir()
    if scenario != "unknown-service-id":
        (directory / "clients.json").write_text(json.dumps({CLIENT: service.hex()}))
    with Scheduler(directory, POOLS, tls=False) as scheduler:
        scheduler.script(SCRIPTS[scenario])
        client = Client(scheduler)
        for sender, group in groupby(exchange, key=lambda each: each[0]):
            frames = [frame for _, _, frame in group]
            if sender == "client":
                client.say(frames)
            else:
                heard = [understood(frame) for frame in client.hear(len(frames))]
                assert heard == [understood(frame) for frame in frames]
        # The recorded client went away when it heard of the unknown service, without waiting for the rest.
        assert scenario == "unknown-service-id" or client.hears_no_more()
        client.end()
