"""Packed logs say the same as the logs that they were, are read in parts, and survive any kill."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.errors import OperationError
from core.logs import lines, packed, search, steps, times
from core.logs.follow import follow
from core.logs.packed import FRAME, DamagedError, PackedLog
from core.logs.store import LogStore
from tests.real import required

NAME = "2026-11-23/000123-build.log"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs")


def written(store: LogStore, data: bytes) -> bytes:
    with contextlib.closing(store.open(NAME)) as log:
        log.write(data)
    return data


def a_log(size: int) -> bytes:
    return b"".join(b"line %d of a build, %x\n" % (at, at * 7919) for at in range(size // 30 + 1))[:size]


def opened(data: bytes) -> PackedLog:
    return PackedLog(object(), len(data), lambda offset, count: data[offset : offset + count])


# The format


@given(some.binary(max_size=3000), some.integers(0, 3), some.data())
def test_any_part_is_what_was_packed(content: bytes, times_over: int, data: some.DataObject) -> None:
    content *= 100 ** min(times_over, 2)
    target = io.BytesIO()
    assert packed.pack(io.BytesIO(content), target, b"times") == len(content)
    log = opened(target.getvalue())
    offset, limit = data.draw(some.integers(0, len(content) + 9)), data.draw(some.integers(0, len(content) + 9))
    assert log.read(offset, limit) == content[offset : offset + limit]
    assert (log.size, log.times()) == (len(content), b"times")
    whole = [
        content[at : at + packed.BLOCK] for at in range(0, len(content) // packed.BLOCK * packed.BLOCK, packed.BLOCK)
    ]
    assert list(log.newlines()) == [block.count(b"\n") for block in whole]


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME])
def test_other_programs_read_it(tmp_path: Path, size: int) -> None:
    """What is beside the frames is skipped by who does not know it."""
    content, path = a_log(size), tmp_path / "log.zst"
    with path.open("wb") as file:
        packed.pack(io.BytesIO(content), file, b"\1" * 32)
    unpacked = subprocess.run([required("zstd", "zstd"), "-dcq", path], check=True, capture_output=True).stdout
    assert unpacked == content


def test_a_table_with_checksums_of_another_program_is_read() -> None:
    target = io.BytesIO()
    content = a_log(1000)
    packed.pack(io.BytesIO(content), target)
    frame = target.getvalue()[
        : packed.read_table(len(target.getvalue()), opened(target.getvalue())._read_at).places[-1]
    ]
    table = packed._ENTRY.pack(len(frame), len(content)) + b"\0\0\0\0"
    footer = packed._FOOTER.pack(1, 0x80, packed._SEEKABLE)
    other = frame + packed._HEADER.pack(packed._TABLE, len(table) + len(footer)) + table + footer
    assert opened(other).read(0, 2000) == content


@given(some.integers(0, 1 << 30), some.booleans())
def test_what_is_cut_or_changed_is_never_taken_for_a_log(place: int, cut: bool) -> None:
    target = io.BytesIO()
    content = a_log(5000)
    packed.pack(io.BytesIO(content), target, b"times")
    data = bytearray(target.getvalue())
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] ^= 0x55
    with contextlib.suppress(DamagedError):
        log = opened(bytes(data))
        assert log.read(0, 10_000) == content


# The store


def test_a_packed_log_says_the_same(store: LogStore) -> None:
    content = written(store, a_log(1_000_000) + b"Step 1/2 : RUN make\nand no end")
    before = (
        store.size(NAME),
        store.tail(NAME, 7),
        store.times(NAME),
        [list(lines.lines(store, NAME, first, 3)) for first in (0, 20_000, 10**6)],
        list(search.found(store, NAME, "LINE 77 ")),
        steps.steps(store, NAME),
        lines.index(store, NAME).total(),
    )
    assert store.pack(NAME)
    assert not store.path(NAME).exists()
    fresh = LogStore(store.root, store.shelf)
    lines._index.cache_clear()
    steps._outline.cache_clear()
    assert before == (
        fresh.size(NAME),
        fresh.tail(NAME, 7),
        fresh.times(NAME),
        [list(lines.lines(fresh, NAME, first, 3)) for first in (0, 20_000, 10**6)],
        list(search.found(fresh, NAME, "LINE 77 ")),
        steps.steps(fresh, NAME),
        lines.index(fresh, NAME).total(),
    )
    assert b"".join(fresh.read(NAME, at, 70_001) for at in range(0, len(content), 70_001)) == content
    assert sum(store.stored("2026-11-23").values()) < len(content) / 4


async def test_who_follows_goes_on_while_the_log_is_packed(store: LogStore) -> None:
    content = written(store, a_log(700_000))

    async def over() -> bool:
        return True

    found = b""
    async for chunk in follow(store, NAME, 0, finished=over, chunk=50_000):
        found += chunk.data
        if chunk.offset == 100_000:
            assert store.pack(NAME)
    assert found == content


def test_who_has_the_file_open_goes_on(store: LogStore) -> None:
    content = written(store, b"a line\n" * 1000)
    with store._reading(NAME) as log:
        assert log
        assert store.pack(NAME)
        assert log.read(0, 10_000) == content


def test_a_log_that_somebody_writes_is_not_packed(store: LogStore) -> None:
    with contextlib.closing(store.open(NAME)) as log:
        log.write(b"a line\n")
        assert not store.pack(NAME)
    assert store.pack(NAME)


def test_a_packed_log_is_appended_to(store: LogStore) -> None:
    content = written(store, a_log(600_000) + b"torn")
    when = store.times(NAME)
    assert store.pack(NAME)
    with contextlib.closing(store.open(NAME)) as log:
        log.note("again")
    text = store.read(NAME, 0, 1_000_000)
    assert text.startswith(content + b"\n")
    assert text.endswith(b" again\n")
    assert store.times(NAME)[: len(when)] == when
    assert store.pack(NAME)
    assert store.read(NAME, 0, 1_000_000) == text


#: Kills itself at the Nth call of something that touches the disk.
_KILLED = """
import os, signal, sys
from pathlib import Path
from core.logs.store import LogStore
left = int(sys.argv[2])
def counted(call):
    def run(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return run
os.fsync, os.rename, os.unlink = counted(os.fsync), counted(os.rename), counted(os.unlink)
Path.rename, Path.unlink = counted(Path.rename), counted(Path.unlink)
LogStore(Path(sys.argv[1])).pack(sys.argv[3])
print("done")
"""


def test_killed_at_any_moment_nothing_is_lost_and_nothing_is_left(store: LogStore) -> None:
    content = written(store, a_log(300_000))
    when = store.times(NAME)
    for step in range(2, 20):
        words = [sys.executable, "-c", _KILLED, str(store.root), str(step), NAME]
        done = subprocess.run(words, capture_output=True, check=False, cwd=Path(__file__).parents[3])
        store.sweep()
        assert store.read(NAME, 0, 1 << 20) == content
        assert store.times(NAME) == when
        assert [name for name, _ in store.loose()] in ([], [NAME])
        if done.stdout == b"done\n":
            break
    assert step > 2
    assert sorted(path.name for path in store.path(NAME).parent.iterdir()) == ["000123-build.log.zst"]


def test_a_damaged_log_is_told_in_one_sentence(store: LogStore) -> None:
    written(store, a_log(300_000))
    store.pack(NAME)
    file = store.path(NAME).with_name("000123-build.log.zst")
    data = bytearray(file.read_bytes())
    data[100] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(OperationError, match=r"the packed log 2026.* is damaged: .*; take it from a backup"):
        store.read(NAME, 0, 100)
    os.truncate(file, 50)
    with pytest.raises(OperationError, match="damaged"):
        store.size(NAME)


def test_a_removed_log_is_gone_in_all_forms(store: LogStore) -> None:
    written(store, b"a line\n")
    store.pack(NAME)
    written(store, b"another\n")
    store.remove(NAME)
    store.remove(NAME)
    assert not store.exists(NAME)
    assert list(store.root.iterdir()) == []


@pytest.mark.parametrize("name", [NAME + ".zst", NAME + times.SUFFIX, "a/.packing-x"])
def test_what_is_beside_a_log_is_no_log(store: LogStore, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a log"):
        store.read(name, 0, 1)
