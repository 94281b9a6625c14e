"""Where the steps of a log begin, and what is found in one."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from core.logs import search, steps
from core.logs.store import LogStore

NAME = "log.log"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path)


def write(store: LogStore, data: bytes) -> None:
    with store.path(NAME).open("ab") as file:
        file.write(data)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        (b"Step 3/9 : RUN make", "RUN make"),
        (b"#7 [build 3/9] RUN make", "[build 3/9] RUN make"),
        (b"#12 [linux/arm64 stage-1 2/3] COPY . .", "[linux/arm64 stage-1 2/3] COPY . ."),
        (b'/src: (run (shell "opam install ."))', '/src: (run (shell "opam install ."))'),
        (b"2026-11-24 10:00:00.123 $ docker build .", "docker build ."),
        (b"::group::Run the tests", "Run the tests"),
        (b"section_start:1700000000:tests[collapsed=true]\r\x1b[0K\x1b[36;1mTests\x1b[0m", "Tests"),
        (b"#7 0.312 Step 1/2 : not one", None),
        (b"#7 DONE 0.4s", None),
        (b"2026-11-24 10:00:00.123 The image is published", None),
        (b"/bin/sh: make: not found", None),
        (b"Step by step", None),
        (b"\xff\xfe", None),
    ],
)
def test_a_step_is_what_a_line_announces(line: bytes, title: str | None) -> None:
    assert steps.title(line) == title


def test_steps_are_told_with_their_lines_while_the_log_grows(store: LogStore) -> None:
    assert steps.steps(store, NAME) == []
    write(store, b"Step 1/2 : FROM base\n ---> 123\nStep 2/2 : RUN ma")
    assert [(step.line, step.offset, step.title) for step in steps.steps(store, NAME)] == [(0, 0, "FROM base")]
    write(store, b"ke\nok\n")
    assert [(step.line, step.offset) for step in steps.steps(store, NAME)] == [(0, 0), (2, 31)]


def test_a_stage_that_goes_on_is_no_second_step_and_a_second_attempt_is(store: LogStore) -> None:
    write(store, b"#5 [a 1/2] RUN x\n#6 [b 1/2] RUN y\n#5 [a 1/2] RUN x\n")
    write(store, b"2026-11-24 10:00:00.123 $ make\n" * 2)
    assert [step.line for step in steps.steps(store, NAME)] == [0, 1, 3, 4]


def test_a_line_longer_than_a_piece_does_not_move_the_numbers(store: LogStore) -> None:
    write(store, b"x" * 2_500_000 + b"\nStep 1/1 : RUN make\n")
    assert [step.line for step in steps.steps(store, NAME)] == [1]
    assert list(search.found(store, NAME, "run MAKE")) == [1]


def test_words_are_found_as_people_see_them(store: LogStore) -> None:
    write(store, b"nothing\nan \x1b[31mErr\x1b[0mor here\nerror error\nERROR\n\xff\xfe\n")
    assert list(search.found(store, NAME, "error")) == [1, 2, 3]
    assert list(search.found(store, NAME, ".*")) == []
    assert list(search.found(store, "none.log", "x")) == []


def test_a_search_reads_no_further_than_is_asked(store: LogStore) -> None:
    write(store, b"an error\n" * 500_000)
    assert list(islice(search.found(store, NAME, "error"), 3)) == [0, 1, 2]
    assert sum(1 for _ in search.found(store, NAME, "error")) == 500_000
