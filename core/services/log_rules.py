"""Log rules: the ones that the deployer and its plugins bring, and what people make of them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields

from django.contrib.auth.models import User
from django.db import transaction

from core.errors import RefusedError
from core.logs.rule_faults import faults
from core.logs.starting_rules import STARTING_RULES
from core.models import LogRule
from core.plugins import plugins
from core.services import activities
from core.values import LogRule as Rule

logger = logging.getLogger(__name__)

#: Who brings the starting rules.
OURS = "deployer"
#: The fields that say what a rule is. Whether it is enabled is always for people to say.
_MEANING = tuple(field.name for field in fields(Rule) if field.name != "name")


def value(row: LogRule) -> Rule:
    """What a row says."""
    return Rule(name=row.name, **{name: getattr(row, name) for name in _MEANING})


def enabled() -> list[Rule]:
    """The rules that are to be tried."""
    return [value(row) for row in LogRule.objects.filter(enabled=True)]


@transaction.atomic
def install() -> None:
    """Make the rules that do not exist, and bring up to date those that nobody has edited. Two may do it at once."""
    there = {row.name: row for row in LogRule.objects.all()}
    brought = dict(_brought())
    new = [_row(rule, origin) for rule, origin in brought.values() if rule.name not in there]
    LogRule.objects.bulk_create(new, ignore_conflicts=True)
    for rule, origin in brought.values():
        row = there.get(rule.name)
        if row is not None and row.origin == origin and value(row) != rule:
            LogRule.objects.filter(pk=row.pk, origin=origin).update(**_meaning(rule))


def _brought() -> Iterator[tuple[str, tuple[Rule, str]]]:
    """Every rule that is brought and can be tried, with who brings it, by its name. The deployer's own names are taken."""
    ours = {rule.name for rule in STARTING_RULES}
    for origin, rule in [*((OURS, rule) for rule in STARTING_RULES), *plugins.log_rules]:
        if found := faults(rule):
            told = " ".join(f"{field}: {fault}" for field, fault in found)
            logger.error("log rule %r of %s is left out: %s", rule.name, origin, told)
        elif origin != OURS and rule.name in ours:
            logger.error("log rule %r of %s is left out: the deployer has one of that name", rule.name, origin)
        else:
            yield rule.name, (rule, origin)


def _meaning(rule: Rule) -> dict[str, str | int]:
    return {name: getattr(rule, name) for name in _MEANING}


def _row(rule: Rule, origin: str = "", *, enabled: bool = True) -> LogRule:
    return LogRule(name=rule.name, origin=origin, enabled=enabled, **_meaning(rule))


# What people do


@transaction.atomic
def add(row: LogRule, user: User) -> None:
    """Save a rule of a person's own, which was checked.

    :raises RefusedError: there is one of its name.
    """
    if LogRule.objects.filter(name=row.name).exists():
        raise RefusedError(f"there is a log rule {row.name!r} already")
    row.origin = ""
    row.save()
    activities.record(user, "added", row)


@transaction.atomic
def change(row: LogRule, user: User, names: Collection[str], *, reason: str = "") -> None:
    """Save these fields of a rule, which was checked. From then on it is the person's: no new version changes it."""
    old = LogRule.objects.select_for_update(no_key=True).get(pk=row.pk)
    changed = [name for name in names if getattr(old, name) != getattr(row, name)]
    if not changed:
        return
    if set(changed) & set(_MEANING):
        row.origin = ""
    row.save(update_fields=[*changed, "origin"])
    told = "; ".join(f"{name}: {getattr(old, name)} → {getattr(row, name)}" for name in changed)
    activities.record(user, "changed", row, reason=". ".join(filter(None, (reason, told))))


def enable(row: LogRule, user: User, *, reason: str = "") -> None:
    """Have a rule tried again."""
    _switch(row, user, on=True, reason=reason)


def disable(row: LogRule, user: User, *, reason: str = "") -> None:
    """Have a rule not tried any more."""
    _switch(row, user, on=False, reason=reason)


@transaction.atomic
def _switch(row: LogRule, user: User, *, on: bool, reason: str) -> None:
    if LogRule.objects.filter(pk=row.pk, enabled=not on).update(enabled=on):
        activities.record(user, "enabled" if on else "disabled", row, reason=reason)


@transaction.atomic
def put_back(row: LogRule, user: User, *, reason: str = "") -> None:
    """Make a rule again what it was when it came.

    :raises RefusedError: a person made it.
    """
    known = dict(_brought()).get(row.name)
    if known is None:
        raise RefusedError(f"{row.name} was made by a person: there is nothing to put back")
    rule, origin = known
    LogRule.objects.filter(pk=row.pk).update(origin=origin, **_meaning(rule))
    activities.record(user, "put back", row, reason=reason)


@transaction.atomic
def bring_in(entries: Sequence[tuple[Rule, bool]], user: User) -> tuple[int, int]:
    """Add and change rules as a file says, which was checked; rules that it does not name stay.

    :param entries: each rule, and whether it is enabled.
    :returns: how many were added, and how many changed.
    """
    there = {row.name: row for row in LogRule.objects.select_for_update(no_key=True)}
    added = changed = 0
    for rule, on in entries:
        row = there.get(rule.name)
        if row is None:
            add(_row(rule, enabled=on), user)
            added += 1
        elif (value(row), row.enabled) != (rule, on):
            new = _row(rule, row.origin, enabled=on)
            new.pk = row.pk
            change(new, user, [*_MEANING, "enabled"], reason="from a file")
            changed += 1
    return added, changed
