"""Any part of a log by its line numbers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.logs import lines
from core.logs.lines import Index
from core.logs.store import LogStore

NAME = "log.log"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


def write(store: LogStore, data: bytes) -> None:
    with store.path(NAME).open("ab") as file:
        file.write(data)


def texts(store: LogStore, first: int, count: int) -> list[bytes]:
    return [line.data for line in lines.lines(store, NAME, first, count)]


@given(
    st.lists(
        st.lists(st.sampled_from([b"\n", b"a", b"line\n", b"x" * 700, b"y" * 70_000, b"\n" * 5000]), max_size=6),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 40),
    st.integers(1, 40),
)
def test_lines_are_those_of_the_whole_log_however_it_grew(
    tmp_path_factory: pytest.TempPathFactory, growth: list[list[bytes]], first: int, count: int
) -> None:
    store = LogStore(tmp_path_factory.mktemp("logs"))
    for parts in growth:
        write(store, b"".join(parts))
        whole = store.path(NAME).read_bytes()
        expected = whole.split(b"\n")
        if not expected[-1]:
            expected.pop()
        wanted = expected[first : first + count]
        found = list(lines.lines(store, NAME, first, count))
        assert [line.data for line in found] == [each[: lines.LONGEST] for each in wanted[: len(found)]]
        assert len(found) == len(wanted) or sum(len(line.data) for line in found) >= lines.MOST
        assert [line.cut for line in found] == [len(each) > lines.LONGEST for each in wanted[: len(found)]]
        index = lines.index(store, NAME)
        total, resume = index.total()
        assert (total, resume) == (len(expected), whole.rfind(b"\n") + 1)
        for line in found:
            assert (index.offset(line.number), index.line(line.offset)) == (line.offset, line.number)


def test_a_log_that_does_not_exist_has_no_lines(store: LogStore) -> None:
    assert (texts(store, 0, 10), lines.index(store, NAME).total()) == ([], (0, 0))


def test_a_line_without_end_is_cut_and_the_next_is_found(store: LogStore) -> None:
    write(store, b"before\n" + b"x" * 3_000_000 + b"\nafter\nbegun")
    found = list(lines.lines(store, NAME, 0, 10))
    assert [line.data[:6] for line in found] == [b"before", b"xxxxxx", b"after", b"begun"]
    assert [line.cut for line in found] == [False, True, False, False]
    assert len(found[1].data) == lines.LONGEST


def test_no_more_is_handed_out_at_once_than_a_browser_takes(store: LogStore) -> None:
    write(store, (b"x" * 15_000 + b"\n") * 500)
    assert len(texts(store, 0, 500)) == lines.MOST // 15_000 + 1
    assert len(texts(store, 490, 500)) == 10


def test_only_what_was_added_is_read_again(store: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store, b"a line\n" * 1_000_000)
    index = Index(store, NAME)
    assert index.total()[0] == 1_000_000
    read = 0
    original = store.read

    def counted(name: str, offset: int, limit: int) -> bytes:
        nonlocal read
        data = original(name, offset, limit)
        read += len(data)
        return data

    monkeypatch.setattr(store, "read", counted)
    write(store, b"one more\n")
    assert index.total()[0] == 1_000_001
    assert read <= 2 * lines.BLOCK


def test_each_line_has_the_time_at_which_it_was_written(store: LogStore) -> None:
    writer = store.open(NAME)
    writer.write(b"one\ntwo\n")
    time.sleep(0.15)
    writer.write(b"three\n")
    writer.close()
    first, second, third = lines.written_at(store, NAME, [0, 4, 8])
    assert first == second
    assert first is not None
    assert third is not None
    assert 100 <= third - first < 5000
    assert lines.written_at(store, "none.log", [0, 4]) == [None, None]
