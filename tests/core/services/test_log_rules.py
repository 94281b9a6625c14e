"""Log rules: those that are brought, and what people make of them."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth.models import User

from core.api import LogRule as Rule
from core.errors import RefusedError
from core.logs.starting_rules import STARTING_RULES
from core.models import Activity, LogRule
from core.plugins import plugins
from core.services import log_rules
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db
FIRST = STARTING_RULES[0]


@pytest.fixture
def ann() -> User:
    return factories.make_user("ann")


def row(name: str = FIRST.name) -> LogRule:
    return LogRule.objects.get(name=name)


def activities() -> list[str]:
    return [f"{each.verb} {each.label}: {each.reason}" for each in Activity.objects.order_by("pk")]


# Installing


def test_the_starting_rules_are_made_once() -> None:
    for _ in range(2):
        log_rules.install()
    assert LogRule.objects.count() == len(STARTING_RULES)
    assert log_rules.value(row()) == FIRST
    assert (row().origin, row().enabled) == ("deployer", True)


def test_a_rule_that_a_person_edited_stays_as_it_is(ann: User) -> None:
    log_rules.install()
    edited = row()
    edited.score = 3
    log_rules.change(edited, ann, ["score"])
    log_rules.install()
    assert (row().score, row().origin) == (3, "")


def test_a_new_version_of_a_rule_reaches_who_did_not_edit_it_and_leaves_it_disabled(ann: User) -> None:
    log_rules.install()
    log_rules.disable(row(), ann)
    LogRule.objects.filter(name=FIRST.name).update(pattern="an older version")
    log_rules.install()
    assert (row().pattern, row().enabled) == (FIRST.pattern, False)


def test_what_is_there_already_costs_one_query(django_assert_num_queries) -> None:
    log_rules.install()
    with django_assert_num_queries(3):  # two of them the ends of the transaction
        log_rules.install()


def test_a_plugin_brings_rules_of_its_own(dummy: Dummy) -> None:
    log_rules.install()
    assert log_rules.value(row("dummy")) == dummy.log_rule
    assert row("dummy").origin == "dummy"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (Rule(name="broken", pattern="a(", report="x"), "missing )"),
        (Rule(name=FIRST.name, pattern="a", report="x"), "the deployer has one of that name"),
    ],
)
def test_a_rule_of_a_plugin_that_cannot_be_is_left_out_and_told(
    rule: Rule, why: str, dummy: Dummy, caplog: pytest.LogCaptureFixture
) -> None:
    plugins.unregister("dummy")
    dummy.log_rule = rule
    plugins.register(dummy, name="dummy")
    with caplog.at_level(logging.ERROR):
        log_rules.install()
    assert LogRule.objects.count() == len(STARTING_RULES)
    assert log_rules.value(row()) == FIRST
    assert why in caplog.text


# What people do


def test_only_what_is_enabled_is_tried(ann: User) -> None:
    on, off = factories.make_log_rule("on"), factories.make_log_rule("off")
    log_rules.disable(off, ann, reason="it lies")
    log_rules.disable(off, ann)
    assert [rule.name for rule in log_rules.enabled()] == [on.name]
    log_rules.enable(off, ann)
    assert [rule.name for rule in log_rules.enabled()] == ["off", "on"]
    assert activities() == ["disabled off: it lies", "enabled off: "]


def test_a_rule_is_added_and_changed_on_record(ann: User) -> None:
    made = LogRule(name="mine", pattern="one", report="One")
    log_rules.add(made, ann)
    made.pattern, made.score = "two", 70
    log_rules.change(made, ann, ["pattern", "score", "report"])
    log_rules.change(made, ann, ["pattern"])
    assert (row("mine").pattern, row("mine").score) == ("two", 70)
    assert activities() == ["added mine: ", "changed mine: pattern: one → two; score: 50 → 70"]


def test_two_rules_of_a_name_are_refused(ann: User) -> None:
    factories.make_log_rule("mine")
    with pytest.raises(RefusedError, match="there is a log rule 'mine' already"):
        log_rules.add(LogRule(name="mine", pattern="one", report="One"), ann)


def test_a_rule_that_was_edited_is_put_back(ann: User) -> None:
    log_rules.install()
    edited = row()
    edited.pattern = "mine"
    log_rules.change(edited, ann, ["pattern"])
    log_rules.put_back(edited, ann, reason="mine was worse")
    assert log_rules.value(row()) == FIRST
    assert row().origin == "deployer"
    assert activities()[-1] == f"put back {FIRST.name}: mine was worse"


def test_a_rule_of_a_person_cannot_be_put_back(ann: User) -> None:
    with pytest.raises(RefusedError, match="was made by a person"):
        log_rules.put_back(factories.make_log_rule("mine"), ann)


def test_a_file_adds_and_changes_and_leaves_the_rest(ann: User) -> None:
    log_rules.install()
    other = Rule(name=FIRST.name, pattern="x", report="X", score=1)
    same = log_rules.value(row(STARTING_RULES[1].name))
    assert log_rules.bring_in(
        [(other, False), (same, True), (Rule(name="new", pattern="y", report="Y"), True)], ann
    ) == (1, 1)
    assert (log_rules.value(row()), row().enabled, row().origin) == (other, False, "")
    assert row(same.name).origin == "deployer"
    assert LogRule.objects.count() == len(STARTING_RULES) + 1
    assert activities()[0].startswith(f"changed {FIRST.name}: from a file. pattern: ")
