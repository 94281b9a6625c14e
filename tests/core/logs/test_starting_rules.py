"""The starting rules: each knows its own failure, and none takes another's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.logs.diagnosis import Diagnosis, diagnose
from core.logs.rule_faults import faults
from core.logs.rules import understood
from core.logs.starting_rules import STARTING_RULES
from core.values import LogRule

RULES, _ = understood(STARTING_RULES)
each = pytest.mark.parametrize("rule", STARTING_RULES, ids=lambda rule: rule.name)


def named(log: str) -> Diagnosis:
    return diagnose(RULES, log.encode())


def test_there_is_one_of_each_name() -> None:
    names = [rule.name for rule in STARTING_RULES]
    assert len(set(names)) == len(names) == len(RULES)


@each
def test_nothing_is_wrong_with_a_rule(rule: LogRule) -> None:
    assert faults(rule) == []
    assert rule.example


@each
def test_a_rule_wins_in_its_own_example_and_no_other_does(rule: LogRule) -> None:
    assert named(rule.example).rule == rule.name


@each
def test_a_rule_wins_in_the_middle_of_a_build(rule: LogRule) -> None:
    log = "\n".join(["#5 [2/4] RUN make", "#5 0.500 working", "warning: deprecated", rule.example, "------", "bye", ""])
    assert named(log).rule == rule.name


@each
def test_a_cause_reads_as_a_sentence(rule: LogRule) -> None:
    cause = named(rule.example).cause
    assert cause == cause.strip()
    assert not any(rest in cause for rest in ("  ", "()", "``", "\\", ": :", " ,"))


# Logs of real failures: of Debian's Docker 20.10 with both builders, npm 10, pip 23, apt 2.6, Git, GCC, and from public issues


def real_failures() -> Iterator[Any]:
    """The name of a rule, words of the cause, and the log, from a file of blocks `=== NAME | WORDS`."""
    text = (Path(__file__).parent / "real_failures.txt").read_text()
    for number, block in enumerate(text.removeprefix("=== ").split("\n=== ")):
        head, _, log = block.partition("\n")
        name, _, words = head.partition(" | ")
        yield pytest.param(name, words, log, id=f"{number} {name}")


@pytest.mark.parametrize(("name", "words", "log"), list(real_failures()))
def test_a_real_failure_is_known(name: str, words: str, log: str) -> None:
    found = named(log)
    assert found.rule == name
    assert words in found.cause


@pytest.mark.parametrize(
    "log",
    [
        "#5 0.1 Downloading killed-process-0.1.tar.gz\n#5 DONE 0.2s\n",
        "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'Connection refused'\nInstalled x\n",
        "warning: spurious network error (3 tries remaining): [6] Could not resolve hostname\n   Compiling shop v0.1.0\n",
        "ok 12 - says that the connection was refused\nok 13 - 403 Forbidden is shown\nok 14 - manifest unknown\n",
        "npm warn deprecated rimraf@2.7.1: Rimraf versions prior to v4 are no longer supported\nadded 12 packages\n",
    ],
)
def test_what_a_program_got_over_is_no_cause(log: str) -> None:
    assert named(log).rule == ""
