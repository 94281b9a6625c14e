"""A log only grows: nothing that was written is lost, doubled or forged, whatever happens to the writer or the disk."""

import itertools
import os
import re
import resource
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import OperationError
from core.logs.redact import MARK
from core.logs.store import LogStore
from core.operation_values import Log

NAME = "2026-11-23/000123-build.log"
NOTE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) ([^\n]*)\n")


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs")


def contents(store: LogStore, name: str = NAME) -> bytes:
    return store.read(name, 0, store.size(name))


# Names


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/..",
        ".",
        "a/.hidden",
        "a//b",
        "a/",
        "-rf",
        "a\0b",
        "a\n",
        "a b",
        "ü.log",
    ],
)
def test_a_name_never_leads_out_of_the_directory(store: LogStore, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a log"):
        store.path(name)


@given(st.text("ab./-\\~\0\n", max_size=12))
def test_any_name_that_is_accepted_lies_inside(name: str) -> None:
    try:
        path = LogStore(Path("/logs")).path(name)
    except ValueError:
        return
    assert Path(os.path.normpath(path)).is_relative_to("/logs")
    assert path != Path("/logs")


def test_the_times_of_a_log_are_no_log(store: LogStore) -> None:
    with pytest.raises(ValueError, match="no name of a log"):
        store.open(NAME + ".times")


# Reading


def test_a_log_that_does_not_exist_is_empty(store: LogStore) -> None:
    assert (store.size(NAME), store.read(NAME, 0, 10), store.read_cached(NAME, 0, 10)) == (0, b"", b"")
    assert (store.tail(NAME, 10), store.times(NAME)) == (b"", [])


def test_a_job_that_has_no_log_yet_has_an_empty_one(store: LogStore) -> None:
    assert (store.size(""), store.read_cached("", 0, 10)) == (0, b"")


def test_what_is_written_is_read_from_any_offset(store: LogStore) -> None:
    log = store.open(NAME)
    data = bytes(range(256)) * 10
    log.write(data)
    for offset, limit in [(0, 5), (255, 2), (2550, 100), (2560, 10), (9999, 10)]:
        assert store.read(NAME, offset, limit) == data[offset : offset + limit]
        assert store.read_cached(NAME, offset, limit) in (data[offset : offset + limit], None)
    log.close()


@given(st.lists(st.binary(max_size=5) | st.just(b"\n") | st.just(b"\r")), st.integers(0, 8))
def test_the_tail_is_the_last_lines(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], count: int) -> None:
    store, data = LogStore(tmp_path_factory.mktemp("logs")), b"".join(parts)
    log = store.open(NAME)
    log.write(data)
    log.close()
    lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
    assert store.tail(NAME, count) == b"".join(lines[len(lines) - count :] if count < len(lines) else lines)


def test_the_tail_of_a_huge_log_is_found_without_reading_it(store: LogStore) -> None:
    log = store.open(NAME)
    log.write(b"first\n")
    log.close()
    # A hole: a real file of 200 MB that takes no disk, and that would be slow to read line by line.
    with store.path(NAME).open("r+b") as file:
        file.truncate(200_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"".join(b"line %d\n" % n for n in range(50_000)))
    assert store.tail(NAME, 2) == b"line 49998\nline 49999\n"
    assert store.tail(NAME, 10_000).startswith(b"line 40000\n")
    assert len(store.tail(NAME, 10**9)) == 1 << 20


# Writing


def test_the_writer_is_a_log(store: LogStore) -> None:
    log: Log = store.open(NAME)
    log.write(b"")
    assert store.size(NAME) == 0


def test_a_log_goes_on_where_it_ended(store: LogStore) -> None:
    for attempt in (b"one\n", b"two\n"):
        log = store.open(NAME)
        log.write(attempt)
        log.close()
    assert contents(store) == b"one\ntwo\n"


def test_each_write_hints(store: LogStore) -> None:
    hints: list[int] = []
    log = store.open(NAME, on_write=lambda: hints.append(store.size(NAME)))
    log.write(b"one\n")
    log.note("two")
    log.write(b"")
    assert hints == [4, store.size(NAME)]


def test_secrets_are_hidden_in_output_and_notes(store: LogStore) -> None:
    log = store.open(NAME)
    log.redact("hunter2")
    log.redact("two\nlines of it")
    for chunk in (b"it is hun", b"ter2\n", b"and two\nlines", b" of it\n"):
        log.write(chunk)
    log.note("hunter2 and two\nlines of it")
    log.close()
    hidden = MARK.decode()
    assert NOTE.sub(r"\2\n", contents(store).decode()) == f"it is {hidden}\nand {hidden}\n{hidden} and {hidden}\n"


def test_closing_twice_is_harmless_and_shows_what_was_held_back(store: LogStore) -> None:
    log = store.open(NAME)
    log.redact("hunter2")
    log.write(b"the hu")
    assert contents(store) == b"the "
    log.close()
    log.close()
    assert contents(store) == b"the hu"
    with pytest.raises(OperationError):
        log.write(b"too late")


def test_a_note_waits_for_what_was_held_back_to_be_shown(store: LogStore) -> None:
    log = store.open(NAME)
    log.redact("hunter2")
    for text in (b"line\nhu", b"line hu"):
        log.write(text)
        log.note("note")
    log.close()
    assert NOTE.sub(r"\2\n", contents(store).decode()) == "line\nhu\nnote\nline hu\nnote\n"
    # What goes on as the secret after the pause is hidden still.
    log = store.open(NAME)
    log.redact("hunter2")
    for text in (b"hu", b"nter2\n"):
        log.write(text)
        log.note("note")
    log.close()
    assert b"nter2" not in contents(store)


def test_a_note_is_a_line_of_its_own_with_the_time_in_utc(store: LogStore) -> None:
    log = store.open(NAME)
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    log.note("first")
    log.write(b"no newline")
    log.note("second")
    log.note("third")
    log.close()
    text = contents(store).decode()
    assert NOTE.sub(r"\2\n", text) == "first\nno newline\nsecond\nthird\n"
    times = [datetime.fromisoformat(found[1] + "+00:00") for found in NOTE.finditer(text)]
    moments = [before, *times, datetime.now(UTC)]
    assert moments == sorted(moments)


@given(st.text(st.characters()))
def test_no_text_of_a_note_forges_a_line_or_talks_to_a_terminal(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    store = LogStore(tmp_path_factory.mktemp("logs"))
    log = store.open(NAME)
    log.note(text)
    log.close()
    written = contents(store).decode()
    assert NOTE.fullmatch(written)
    assert written.removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    "text", ["branch\nforged", "\x1b[2J", "\u202egpj", "\x9b6n", chr(0xDC80), chr(0xD800), "a\u2028b"]
)
def test_what_is_not_printed_as_itself_is_escaped(store: LogStore, text: str) -> None:
    log = store.open(NAME)
    log.note(text)
    log.close()
    assert contents(store).decode().removesuffix("\n").isprintable()


def test_threads_that_write_at_once_never_mix_their_writes(store: LogStore) -> None:
    log = store.open(NAME)
    log.redact("hunter2")
    threads = [
        threading.Thread(target=lambda mark=mark: [log.write(mark * 99 + b"\n") for _ in range(500)])
        for mark in (b"a", b"b", b"c")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    lines = contents(store).splitlines()
    assert len(lines) == 1500
    assert all(len(line) == 99 and len(set(line)) == 1 for line in lines)


# What goes wrong


def test_a_full_disk_is_told_with_the_directory_and_what_to_do(store: LogStore) -> None:
    store.path(NAME).parent.mkdir(parents=True)
    store.path(NAME).symlink_to("/dev/full")
    log = store.open(NAME)
    with pytest.raises(OperationError, match=r"in .*/logs/2026-11-23: No space left on device; free some space there"):
        log.write(b"line\n")
    with pytest.raises(OperationError):
        log.close()


def test_a_write_that_the_disk_took_half_of_is_finished_later_without_loss_or_doubling(store: LogStore) -> None:
    data = b"".join(b"%07d\n" % n for n in range(125_000))
    log = store.open(NAME)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_001, hard))
    try:
        with pytest.raises(OperationError):
            log.write(data)
        assert contents(store) == data[:600_001]
        with pytest.raises(OperationError):
            log.write(b"more\n")
        with pytest.raises(OperationError):
            log.note("a note")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.flush()
    log.close()
    assert contents(store).startswith(data + b"more\n")
    assert NOTE.fullmatch(contents(store)[len(data) + 5 :].decode())


WRITER = """
import os, sys
from pathlib import Path
from core.logs.store import LogStore
log = LogStore(Path(sys.argv[1])).open(sys.argv[2])
log.write(b"whole line\\n")
log.write(b"torn li")
print("written", flush=True)
sys.stdin.read()
"""


def test_after_a_kill_the_torn_line_is_ended_and_nothing_is_lost(store: LogStore) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.root), NAME], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"written\n"
        writer.send_signal(signal.SIGKILL)
    log = store.open(NAME)
    log.note("attempt 2")
    log.close()
    assert NOTE.sub(r"\2\n", contents(store).decode()) == "whole line\ntorn li\nattempt 2\n"


# Times


def test_the_times_tell_when_each_part_was_written(store: LogStore) -> None:
    start = datetime.now(UTC) - timedelta(milliseconds=1)
    log = store.open(NAME)
    log.write(b"first\n")
    log.write(b"at once\n")
    while len(store.times(NAME)) < 2:
        log.write(b"more\n")
    log.close()
    offsets = [moment.offset for moment in store.times(NAME)]
    moments = [moment.at for moment in store.times(NAME)]
    assert offsets[0] == 0
    assert contents(store)[offsets[1] :].startswith(b"more\n")
    assert all(later - earlier >= timedelta(milliseconds=100) for earlier, later in itertools.pairwise(moments))
    assert start <= moments[0] <= moments[-1] <= datetime.now(UTC)


def test_a_torn_record_of_times_is_ignored_and_mended(store: LogStore) -> None:
    log = store.open(NAME)
    log.write(b"one\n")
    log.close()
    sidecar = store.path(NAME).with_name("000123-build.log.times")
    whole = store.times(NAME)
    with sidecar.open("ab") as file:
        file.write(b"torn")
    assert store.times(NAME) == whole
    log = store.open(NAME)
    log.write(b"two\n")
    log.close()
    assert [moment.offset for moment in store.times(NAME)] == [0, 4]


def test_losing_the_times_loses_only_the_times(store: LogStore) -> None:
    store.path(NAME).parent.mkdir(parents=True)
    store.path(NAME).with_name("000123-build.log.times").symlink_to("/dev/full")
    log = store.open(NAME)
    log.write(b"one\n")
    log.close()
    assert contents(store) == b"one\n"
