"""One log rule: what it finds, what it reports, and what is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.logs.rule_faults import faults
from core.logs.rules import Rule, understood
from core.values import LogRule


def rule(pattern: str, report: str = "found", **fields: object) -> LogRule:
    return LogRule(**{"name": "a rule", "pattern": pattern, "report": report, **fields})


def reported(pattern: str, report: str, text: str) -> str:
    made = Rule(rule(pattern, report))
    found = made.last(text.encode())
    assert found
    return made.report(found)


# What it finds


def test_the_last_match_counts() -> None:
    assert reported(r"^error: (.+)$", r"\1", "error: one\nerror: two\nfine\n") == "two"


def test_a_match_far_from_the_end_is_found_too() -> None:
    assert reported(r"^error: (.+)$", r"\1", "error: one\n" + "all is well\n" * 100_000) == "one"


def test_a_match_may_have_several_lines_wherever_they_are() -> None:
    block = "begin of it\n" + "  something\n" * 3000 + "end of it\n"
    assert reported(r"^begin of (\w+)\n(?: .*\n)*end of it", r"\1", block) == "it"


def test_a_match_of_nothing_is_none() -> None:
    assert Rule(rule("x*")).last(b"a b") is None


def test_the_ends_of_lines_are_met() -> None:
    assert reported(r"^(\w+)$", r"\1", "two words\none\ntwo words") == "one"


@pytest.mark.parametrize("pattern", [r"(x+x+)+y", r"(x|x)*y", r"^(\w+\s?)*\$$", r"(.*)*(.*)*!"])
@pytest.mark.timeout(30)
def test_no_pattern_backtracks_for_ever(pattern: str) -> None:
    assert Rule(rule(pattern)).last(b"x" * 200_000) is None


@given(st.lists(st.sampled_from(["error: a", "error: b", "fine", ""]), max_size=2000), st.integers(0, 3))
def test_windows_change_nothing(lines: list[str], width: int) -> None:
    text = "\n".join(line + " " * width * 10 for line in lines).encode()
    made = Rule(rule("error: ."))
    all_of_them = list(made.all(text))
    assert made.last(text) == (all_of_them[-1] if all_of_them else None)


# What it reports


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (r"\1 in \2", "b in x.ml"),
        (r"\g<what> in \g<2>", "b in x.ml"),
        (r"all: \g<0>", "all: b of x.ml"),
        (r"\\1 and \1", r"\1 and b"),
        ("no group", "no group"),
    ],
)
def test_groups_are_filled_in(report: str, said: str) -> None:
    assert reported(r"(?P<what>\w+) of (\S+)", report, "a of y.ml\nb of x.ml") == said


def test_a_group_that_had_no_part_is_empty_and_leaves_no_colon_behind() -> None:
    assert reported(r"one|two (\w+)", r"it failed: \1", "one") == "it failed"


def test_a_report_is_one_line_of_at_most_500_characters() -> None:
    said = reported(r"(?s)begin(.*)end", r"it: \1", f"begin a\n\tb {'x' * 1000} end")
    assert said.startswith("it: a b xxx")
    assert len(said) == 500


def test_a_report_of_nothing_says_the_name_of_the_rule() -> None:
    assert reported(r"x(y?)", r"\1", "x") == "a rule"


def test_what_is_no_utf_8_in_a_match_is_replaced() -> None:
    made = Rule(rule(r"(?s)got (\C+)", r"\1"))
    found = made.last(b"got \xff")
    assert found
    assert made.report(found) == "\N{REPLACEMENT CHARACTER}"


# What is wrong with one


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"pattern": "a("}, "pattern", "It is no regular expression of RE2: missing ): a("),
        ({"pattern": "(?=a)b"}, "pattern", "looking ahead (?=…) is not possible"),
        ({"pattern": "(?<!a)b"}, "pattern", "looking behind"),
        ({"pattern": r"(a)\1"}, "pattern", r"invalid escape sequence: \1"),
        ({"pattern": "x{2000}"}, "pattern", "invalid repetition size"),
        ({"pattern": "(?:abc|def){600}"}, "pattern", "too large to be tried on a long log"),
        ({"pattern": "\ud800"}, "pattern", "one line"),
        ({"pattern": "x*"}, "pattern", "matches the empty string"),
        ({"pattern": "^"}, "pattern", "matches the empty string"),
        ({"pattern": r"\b"}, "pattern", "matches the empty string"),
        ({"pattern": "  "}, "pattern", "is empty"),
        ({"pattern": "x" * 2001}, "pattern", "longer than 2,000"),
        ({"pattern": "a\nb"}, "pattern", r"write \n for the end of a line"),
        ({"pattern": r"(?P<file>\S+)"}, "pattern", "one of them is missing"),
        ({"report": r"\2"}, "report", r"\2 is no group of the pattern; there are: \1, \g<word>"),
        ({"report": r"\g<nme>"}, "report", r"\g<nme> is no group of the pattern"),
        ({"report": r"\n"}, "report", r"\n means nothing in a report"),
        ({"report": "\\"}, "report", "means nothing in a report"),
        ({"report": ""}, "report", "is empty"),
        ({"report": "x" * 501}, "report", "longer than 500"),
        ({"report": "a\nb"}, "report", "one line"),
        ({"name": ""}, "name", "is empty"),
        ({"score": 101}, "score", "from 0 to 100"),
        ({"score": -1}, "score", "from 0 to 100"),
        ({"example": "something else"}, "example", "is not found in it"),
        ({"example": "a\0b"}, "example", "NUL"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(fields: dict[str, object], field: str, said: str) -> None:
    right = {"pattern": r"error: (?P<word>\w+)", "report": r"\1", "example": "error: no"}
    found = faults(rule(**{**right, **({"report": "x", "example": ""} if "pattern" in fields else {}), **fields}))
    assert [place for place, _ in found] == [field]
    assert said in found[0][1]


def test_nothing_is_wrong_with_a_good_one() -> None:
    good = rule(r"^(?P<file>\S+):(?P<line>\d+): (.+)$", r"\g<file>: \3", example="2026-11-23 10:00:00.000 a.c:3: no\n")
    assert faults(good) == []


def test_a_rule_that_cannot_be_tried_leaves_the_others() -> None:
    good, bad = understood([rule("a("), rule("b", name="good")])
    assert [each.name for each in good] == ["good"]
    assert bad == ["a rule: it is no regular expression of RE2: missing ): a("]
    with pytest.raises(ConfigurationError):
        Rule(rule("a("))
