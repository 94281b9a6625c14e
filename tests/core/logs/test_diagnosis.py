"""The probable cause, the decisive lines and the places that rules find in a log."""

from __future__ import annotations

import pytest

from core.logs.diagnosis import WINDOW, Diagnosis, Text, diagnose
from core.logs.rules import Rule
from core.values import LogRule

ERROR = LogRule(name="error", pattern=r"^error: (?P<what>.+)$", report=r"It failed: \1", score=50)
PLACE = LogRule(
    name="place", pattern=r"^(?P<file>\S+):(?P<line>\d+): (?P<what>.+)$", report=r"\g<file>: \g<what>", score=60
)
NOTE = "2026-11-23 10:00:00.123 "


def named(log: str | bytes, *rules: LogRule, cut: bool = False) -> Diagnosis:
    data = log.encode() if isinstance(log, str) else log
    return diagnose([Rule(rule) for rule in rules or (ERROR, PLACE)], data, cut=cut)


# Which rule


def test_the_highest_score_wins_wherever_it_matches() -> None:
    found = named("a.c:3: no\nerror: later\n")
    assert (found.rule, found.cause) == ("place", "a.c: no")


def test_of_equal_scores_the_last_in_the_log_wins() -> None:
    other = LogRule(name="another", pattern="^fatal: (.+)$", report=r"Fatal: \1", score=50)
    assert named("fatal: one\nerror: two\n", ERROR, other).rule == "error"
    assert named("error: two\nfatal: one\n", ERROR, other).rule == "another"


def test_where_no_rule_matches_there_are_the_last_lines_without_the_deployers_own_word() -> None:
    log = "\n\n".join(f"line {number}" for number in range(100)) + f"\n{NOTE}failed: make exited with status 2\n"
    found = named(log)
    assert (found.rule, found.cause, found.places) == ("", "", ())
    assert found.excerpt.splitlines() == [f"line {number}" for number in range(80, 100)]


def test_a_log_of_nothing_says_nothing() -> None:
    assert named("") == Diagnosis()
    assert named("\n \n") == Diagnosis()


def test_when_patience_ends_no_further_rule_is_tried() -> None:
    assert diagnose([Rule(ERROR)], b"error: x\n", patience=0).rule == ""


# What rules see


@pytest.mark.parametrize(
    "line",
    [
        "error: no",
        "\x1b[31merror: \x1b[1mno\x1b[0m",
        "error: no\r",
        "downloading 10%\rdownloading 100%\rerror: no",
        f"{NOTE}error: no",
        "#7 12.34 error: no",
        "#7 error: no",
        "0.345 error: no",
        "\x1b]0;title\x07error: no",
    ],
)
def test_looks_times_and_bars_of_progress_hide_nothing(line: str) -> None:
    assert named(f"before\n{line}\nafter\n").cause == "It failed: no"


def test_a_line_is_cut_after_4096_characters() -> None:
    found = Text(b"x" * 10_000 + b" error")
    assert [len(line) for line in found.lines] == [4096]


def test_the_line_that_a_cut_goes_through_is_left_out() -> None:
    assert named("error: half\nall is well\n", cut=True).rule == ""


@pytest.mark.timeout(60)
def test_a_window_of_one_line_or_of_nothing_but_line_ends_is_read() -> None:
    assert named(b"x" * WINDOW).rule == ""
    assert named(b"\n" * WINDOW).excerpt == ""
    assert named(b"\r" * (WINDOW - 10) + b"error: no\n").cause == "It failed: no"
    assert named(b"\xff" * (WINDOW - 10) + b"\nerror: no").cause == "It failed: no"


# Excerpts


def test_the_decisive_lines_are_the_match_with_some_around_it() -> None:
    log = "\n".join([*(f"before {number}" for number in range(50)), "error: no", *(f"after {n}" for n in range(50))])
    lines = named(log).excerpt.splitlines()
    assert lines == [*(f"before {n}" for n in range(42, 50)), "error: no", *(f"after {n}" for n in range(12))]


def test_they_are_shown_as_they_were_printed_but_plain() -> None:
    assert named(f"#7 1.0 \x1b[31merror: no\x1b[0m\n{NOTE}failed: it failed\n").excerpt == "#7 1.0 error: no"


def test_the_deployers_last_word_is_shown_where_it_is_what_was_found() -> None:
    ended = LogRule(name="ended", pattern="^failed: (.+)$", report=r"\1")
    assert named(f"working\n{NOTE}failed: time is up\n", ended).excerpt == f"working\n{NOTE}failed: time is up"


@pytest.mark.parametrize("width", [10, 120, 5000])
@pytest.mark.parametrize("count", [1, 39, 300])
def test_an_excerpt_is_at_most_40_lines_and_4000_characters_and_has_the_match(width: int, count: int) -> None:
    block = LogRule(name="block", pattern=r"^begin\n(?: .*\n)*", report="block")
    filling = "y" * width
    log = "\n".join([*[filling] * 50, "begin", *[f" {filling}"] * count, *[filling] * 50])
    found = named(log, block).excerpt
    assert len(found) <= 4000
    assert len(found.splitlines()) <= 40
    assert "begin" in found.splitlines()


def test_an_unknown_failure_with_long_lines_is_short_too() -> None:
    assert len(named("\n".join(["z" * 3000] * 100)).excerpt) <= 4000


# Places


def test_a_file_and_a_line_make_a_place_and_each_is_told_once() -> None:
    found = named("src/a.c:3: no\nsrc/a.c:3: no\n./src/b.c:14: neither\n")
    assert [(place.path, place.line, place.message) for place in found.places] == [
        ("src/a.c", 3, "src/a.c: no"),
        ("src/b.c", 14, "./src/b.c: neither"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x.c",
        "a/../../x.c",
        "a//b.c",
        "~/x.c",
        "C:\\x.c",
        "https://x/y.c",
        "a\\b.c",
        "x" * 301,
        "<b>.c",
    ],
)
def test_what_is_no_path_inside_the_repository_is_no_place(path: str) -> None:
    found = named(f"{path}:3: no\n")
    assert found.rule == "place"
    assert found.places == ()


@pytest.mark.parametrize("line", ["0", "00000000000000000012", "99999999999"])
def test_what_is_no_line_is_no_place(line: str) -> None:
    assert named(f"a.c:{line}: no\n").places == ()


def test_there_are_at_most_ten_places() -> None:
    assert len(named("\n".join(f"a.c:{number}: no" for number in range(1, 5000))).places) == 10
