"""500 builds on OCluster that each write 50 lines a second, and 2,000 at once: how late their lines are, and what it costs.

The scheduler is the tests' stand-in, a process of its own, which stamps each line with its clock. What our side costs is
the processor time and the memory of the runner's process and of its follower together. The baseline is what cannot be
saved: the same bytes, at the same pace, over one TLS connection and into lists.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.timing import tell
from ocluster.client import Client
from ocluster.submission import Submission
from tests.ocluster_server.access import Access
from tests.ocluster_server.scheduler import Scheduler
from tests.ocluster_server.script import Script

POOL = "linux-x86_64"
BUILDS, LINES, PACE, WIDTH = 500, 1000, 50, 80
CROWD, CROWD_LINES, CROWD_PACE = 2000, 100, 10
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Received:
    """A log: what came, and when, in nanoseconds of the monotonic clock."""

    chunks: list[tuple[int, bytes]] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.chunks.append((time.monotonic_ns(), data))

    def note(self, text: str) -> None:
        pass

    def redact(self, secret: str) -> None:
        pass

    def delays(self) -> Iterator[float]:
        """Seconds from written to received, of each stamped line."""
        rest = b""
        for at, data in self.chunks:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                stamp, _, _ = line.partition(b" ")
                if stamp.isdigit():
                    yield (at - int(stamp)) / 1e9


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds from written to received, sorted; processor seconds; and bytes of memory, at its most, that it grew by."""

    delays: Sequence[float]
    processor: float
    memory: int = 0

    def most(self, share: float) -> float:
        return self.delays[min(len(self.delays) - 1, int(len(self.delays) * share))]


def main() -> None:
    plain = asyncio.run(_plain())
    _say("the same bytes over one TLS connection", plain, None)
    paced = asyncio.run(_builds(BUILDS, Script(lines=LINES, pace=PACE, width=WIDTH, stamped=True)))
    _say(f"{BUILDS} builds, {LINES} lines each, {PACE} a second", paced, plain)
    crowd = asyncio.run(_builds(CROWD, Script(lines=CROWD_LINES, pace=CROWD_PACE, width=WIDTH, stamped=True)))
    _say(f"{CROWD} builds at once, {CROWD_LINES} lines each, {CROWD_PACE} a second", crowd, plain)
    print(f"    memory at most, of runner and follower: {crowd.memory / CROWD / 1024:.1f} KiB more for each build")


def _say(what: str, cost: Cost, plain: Cost | None) -> None:
    print(f"  {what}: {len(cost.delays)} lines")
    for name, share in [("median", 0.5), ("99 of 100", 0.99), ("the latest", 1.0)]:
        tell(f"    from written to received, {name}", cost.most(share), plain and plain.most(share), "TLS")
    line = cost.processor / len(cost.delays)
    tell("    processor time", cost.processor)
    tell("    processor time for 1,000 lines", line * 1000, plain and plain.processor / len(plain.delays) * 1000, "TLS")


async def _builds(count: int, script: Script) -> Cost:
    """Build so many, all at once, each into a log of its own."""
    logs = [Received() for _ in range(count)]
    with tempfile.TemporaryDirectory() as name:
        scheduler = Scheduler(Path(name), {POOL: {"x86-1": count + 1}})
        with scheduler:
            client = Client(scheduler.capability_file, "DEPLOYER_OCLUSTER_SUBMISSION")
            await client.build(_submission("first"), Received(), lambda reason: None)
            scheduler.script(script)
            processes = (os.getpid(), client.process or 0)
            memory, begun = sum(map(_peak, processes)), sum(map(_processor, processes))
            await asyncio.gather(
                *(client.build(_submission(f"r{number}"), log, lambda reason: None) for number, log in enumerate(logs))
            )
            processor, memory = sum(map(_processor, processes)) - begun, sum(map(_peak, processes)) - memory
            await client.close()
    delays = sorted(delay for log in logs for delay in log.delays())
    assert len(delays) == count * script.lines, "a line was lost"
    kept = sum(len(data) for log in logs for _, data in log.chunks)
    return Cost(delays, processor, memory - kept)


def _submission(name: str) -> Submission:
    repository = f"https://git.example/acme/{name}.git"
    return Submission(pool=POOL, repository=repository, commits=("0" * 40,), dockerfile="Dockerfile")


def _processor(process: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _peak(process: int) -> int:
    """Bytes of memory that a process had at its most."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


# The baseline


async def _plain() -> Cost:
    with tempfile.TemporaryDirectory() as name:
        async with _connected(Path(name)) as (reader, writer):
            log, begun = Received(), time.process_time()
            while data := await reader.read(1 << 16):
                log.write(data)
            processor = time.process_time() - begun
            writer.close()
    delays = sorted(log.delays())
    assert len(delays) == BUILDS * LINES
    return Cost(delays, processor)


@contextlib.asynccontextmanager
async def _connected(directory: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    access = Access(directory, tls=True)
    pair = directory / "pair.pem"
    pair.write_bytes(access.certificate() + access.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = multiprocessing.get_context("fork").Process(target=_write, args=(listening, pair), daemon=True)
        process.start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port = listening.getsockname()[1]
        yield await asyncio.open_connection("127.0.0.1", port, ssl=context)
        process.join()


def _write(listening: socket.socket, pair: Path) -> None:
    """Write one line for each build, then wait as long as a build would."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    connection, _ = listening.accept()
    with context.wrap_socket(connection, server_side=True) as stream:
        start = time.monotonic()
        for number in range(LINES):
            head = b"%d %06d " % (time.monotonic_ns(), number)
            stream.sendall((head.ljust(WIDTH - 1, b"x") + b"\n") * BUILDS)
            time.sleep(max(0.0, start + (number + 1) / PACE - time.monotonic()))


if __name__ == "__main__":
    main()
