"""What people and terminals are shown of a log can do them no harm, and says what happened."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.logs.render import coloured, decisive_lines, plain

DANGEROUS = {
    "title": b"\x1b]0;owned\x07",
    "clipboard": b"\x1b]52;c;cm0gLXJm\x1b\\",
    "link": b"\x1b]8;;http://evil.example\x1b\\",
    "clear": b"\x1b[2J",
    "cursor": b"\x1b[10A",
    "report": b"\x1b[6n",
    "private mode": b"\x1b[?1049h",
    "device string": b"\x1bP+q544e\x1b\\",
    "reset": b"\x1bc",
    "charset": b"\x1b(0",
    "eight-bit": b"\xc2\x9b6n"[:2],
    "backspace": b"\x08",
    "bell": b"\x07",
    "escape alone": b"\x1b",
}


@pytest.mark.parametrize("sequence", DANGEROUS.values(), ids=DANGEROUS)
def test_a_terminal_is_told_nothing_but_colours(sequence: bytes) -> None:
    assert coloured(b"be\xc3\xa9" + sequence + "→tween".encode()) == "beé→tween"


def test_colours_stay_and_end_with_the_text() -> None:
    assert coloured(b"\x1b[1;31mred") == "\x1b[1;31mred\x1b[0m"
    assert plain(b"\x1b[1;31mred\x1b[m") == "red"


@given(st.binary() | st.text("\x1b[]0;m?\x07\\\r\nP\x9b\0a", max_size=40).map(str.encode))
def test_no_bytes_at_all_get_a_command_through(data: bytes) -> None:
    shown = coloured(data)
    left = re.sub(r"\x1b\[[0-9;:]*m", "", shown)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", left)
    assert plain(data) == left


def test_a_string_that_never_ends_hides_only_its_line() -> None:
    assert plain(b"\x1b]0;never ended\nerror: the cause\n") == "\nerror: the cause\n"


def test_nul_and_broken_utf8_are_visible() -> None:
    assert plain(b"a\0b\xffc") == "a␀b�c"


def test_of_a_progress_bar_the_last_state_is_left() -> None:
    assert plain(b" 10 %\r 50 %\r100 %\r\ndone\r\n") == "100 %\ndone\n"


def test_decisive_lines_are_the_last_that_say_something() -> None:
    log = b"$ make\ncc main.c\n\x1b[31mmain.c:1: error: no\x1b[0m\n\n   \nmake: *** [all] Error 1\n\n"
    assert decisive_lines(log, 2) == ["main.c:1: error: no", "make: *** [all] Error 1"]


def test_the_deployers_last_words_are_not_the_cause() -> None:
    log = b"$ make\nmake: *** Error 1\n2026-11-23 10:00:00.123 failed: make exited with status 2\n"
    assert decisive_lines(log) == ["$ make", "make: *** Error 1"]
    assert decisive_lines(b"2026-11-23 10:00:00.123 failed: no such commit\n") == [
        "2026-11-23 10:00:00.123 failed: no such commit"
    ]


def test_a_line_without_end_is_told_in_part() -> None:
    assert [len(line) for line in decisive_lines(b"x" * 10_000_000)] == [500]


def test_an_empty_log_has_no_decisive_lines() -> None:
    assert decisive_lines(b"\n \n") == []
