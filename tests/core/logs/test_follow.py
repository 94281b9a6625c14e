"""Everybody who follows a log sees all of it, in order, without a gap, however late they join."""

import asyncio
import hashlib
import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.logs.follow import Chunk, follow
from core.logs.store import LogStore

NAME = "2026-11-23/000007-deployment.log"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


def answer(value: bool) -> Callable[[], Awaitable[bool]]:
    async def finished() -> bool:
        return value

    return finished


async def collect(store: LogStore, offset: int = 0, **options: Any) -> bytes:
    data = b""
    async for chunk in follow(store, NAME, offset, **options):
        assert chunk.offset == offset + len(data)
        data += chunk.data
    return data


def written(store: LogStore, *pieces: bytes) -> bytes:
    log = store.open(NAME)
    for piece in pieces:
        log.write(piece)
    log.close()
    return b"".join(pieces)


async def test_a_finished_log_is_handed_out_whole_from_any_offset(store: LogStore) -> None:
    data = written(store, random.Random(1).randbytes(1_000_000))
    for offset in (0, 1, 262_144, 999_999, 1_000_000, 2_000_000):
        assert await collect(store, offset, finished=answer(True)) == data[offset:]


async def test_nul_bytes_broken_utf8_and_a_line_of_10_mb_pass_untouched(store: LogStore) -> None:
    data = written(store, b"\0" * 1000, b"\xff\xfe\xc3\n", b"x" * 10_000_000, b"\nend")
    assert await collect(store, finished=answer(True)) == data


async def test_a_log_that_was_never_written_ends_when_its_job_does(store: LogStore) -> None:
    assert await collect(store, finished=answer(True)) == b""


async def test_what_is_appended_while_the_end_is_asked_for_is_not_lost(store: LogStore) -> None:
    log = store.open(NAME)
    log.write(b"first\n")

    async def finished() -> bool:
        log.write(b"last words\n")
        return True

    assert await collect(store, finished=finished) == b"first\nlast words\n"
    log.close()


async def test_a_hint_is_enough_to_go_on(store: LogStore) -> None:
    log, wake, over = store.open(NAME), asyncio.Event(), False

    async def finished() -> bool:
        return over

    # Only hints move it: the interval is longer than the test may take.
    chunks = aiter(follow(store, NAME, 0, finished=finished, wake=wake, interval=3600))
    log.write(b"one\n")
    assert await anext(chunks) == Chunk(0, b"one\n")
    pending = asyncio.ensure_future(anext(chunks, None))
    for _ in range(3):
        await asyncio.sleep(0)
    log.write(b"two\n")
    wake.set()
    assert await pending == Chunk(4, b"two\n")
    over = True
    wake.set()
    assert await anext(chunks, None) is None
    log.close()


async def test_without_any_hint_the_next_look_finds_the_same(store: LogStore) -> None:
    log, looks = store.open(NAME), 0

    async def finished() -> bool:
        nonlocal looks
        looks += 1
        if looks < 4:
            log.write(b"%d\n" % looks)
        return looks == 4

    assert await collect(store, finished=finished, interval=0.001) == b"1\n2\n3\n"
    log.close()


async def test_nothing_is_read_before_it_is_asked_for(store: LogStore) -> None:
    written(store, b"x" * 100)
    chunks = aiter(follow(store, NAME, 0, finished=answer(True), chunk=10))
    assert (await anext(chunks)).data == b"x" * 10
    # The slow reader has one chunk in hand; what the log becomes meanwhile is what it reads next.
    store.path(NAME).write_bytes(b"y" * 100)
    assert (await anext(chunks)).data == b"y" * 10


async def test_a_long_log_leaves_others_their_turn(store: LogStore) -> None:
    written(store, b"x" * 100_000)
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    count = 0
    async for _ in follow(store, NAME, 0, finished=answer(True), chunk=1000):
        count += 1
    task.cancel()
    assert count == 100
    assert turns >= 100


APPENDER = """
import random, sys
from pathlib import Path
from core.logs.store import LogStore
log, dice = LogStore(Path(sys.argv[1])).open(sys.argv[2]), random.Random(7)
log.redact("never in here")
for _ in range(400):
    log.write(dice.randbytes(dice.randrange(100_000)))
log.note("done")
log.close()
"""


async def test_everybody_sees_everything_that_another_process_appends(store: LogStore) -> None:
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", APPENDER, str(store.root), NAME)

    async def finished() -> bool:
        return writer.returncode is not None

    async def late(start: int) -> str:
        while store.size(NAME) < start and not await finished():
            await asyncio.sleep(0.001)
        return hashlib.sha256(await collect(store, finished=finished, interval=0.01)).hexdigest()

    digests = await asyncio.gather(*(late(megabytes * 1_000_000) for megabytes in range(10)))
    assert writer.returncode == 0
    assert set(digests) == {hashlib.sha256(store.path(NAME).read_bytes()).hexdigest()}


async def test_a_log_of_200_mb_is_followed_to_its_end(store: LogStore) -> None:
    block = random.Random(3).randbytes(1 << 20)
    written(store, *[block] * 200)
    expected, found = hashlib.blake2b(), hashlib.blake2b()
    for _ in range(200):
        expected.update(block)
    async for chunk in follow(store, NAME, 0, finished=answer(True)):
        found.update(chunk.data)
    assert found.digest() == expected.digest()
