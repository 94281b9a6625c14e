"""What is to be told outside: the newest only, in order, never twice at once, and not too often."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.models import Message
from core.services import messages
from tests import factories

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=60)


def claim(now: datetime | None = None) -> list[Message]:
    return messages.claim(now or timezone.now(), LEASE, limit=10)


def later(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def test_only_the_newest_of_a_key_is_told():
    for number in range(5):
        messages.queue("status of a", "source", {"number": number})
    messages.queue("status of b", "source", {"number": 9})
    assert {row.key: row.payload["number"] for row in claim()} == {"status of a": 4, "status of b": 9}


def test_what_was_told_is_not_repeated():
    messages.queue("a", "source", {"number": 1})
    (row,) = claim()
    messages.sent(row)
    messages.queue("a", "source", {"number": 1})
    assert claim(later(100)) == []


def test_nobody_tells_something_newer_while_the_older_is_on_its_way():
    messages.queue("a", "source", {"number": 1})
    (first,) = claim()
    messages.queue("a", "source", {"number": 2})
    assert claim() == []
    messages.sent(first)
    (second,) = claim(later(10))
    assert second.payload == {"number": 2}


def test_what_a_lost_runner_had_on_its_way_is_told_by_another():
    messages.queue("a", "source", {"number": 1})
    claim()
    assert [row.key for row in claim(later(61))] == ["a"]


def test_changes_that_come_fast_are_told_in_one_go():
    messages.queue("a", "source", {"number": 1})
    (row,) = claim()
    messages.sent(row)
    for number in range(2, 9):
        messages.queue("a", "source", {"number": number})
    assert claim() == []
    (row,) = claim(later(5.5))
    assert row.payload == {"number": 8}


def test_who_does_not_answer_is_asked_again_with_back_off():
    messages.queue("a", "source", {"number": 1})
    waits = []
    for _ in range(4):
        now = later(10_000)
        (row,) = claim(now)
        messages.failed(row, "no route to host", now)
        row.refresh_from_db()
        waits.append((row.next_attempt_at - now).total_seconds())
        Message.objects.update(next_attempt_at=timezone.now())
    assert waits == [10, 20, 40, 80]


def test_who_says_when_to_ask_again_is_obeyed_whatever_happens_meanwhile():
    messages.queue("a", "source", {"number": 1})
    (row,) = claim()
    messages.failed(row, "slow down", timezone.now(), retry_in=300)
    messages.queue("a", "source", {"number": 2})
    assert claim(later(290)) == []
    (row,) = claim(later(301))
    assert row.payload == {"number": 2}


def test_what_cannot_be_told_for_a_day_is_given_up_and_something_newer_is_told():
    factories.make_message(key="a", recipient="source", failures=99)
    (row,) = claim()
    messages.failed(row, "410 Gone", timezone.now())
    row.refresh_from_db()
    assert row.error == "given up after 100 failures: 410 Gone"
    assert claim(later(100_000)) == []
    messages.queue("a", "source", {"number": 2})
    assert [row.key for row in claim(later(100_000))] == ["a"]


def test_a_notifier_is_reminded_of_what_it_said():
    messages.queue("a", "notifier", {"number": 1})
    (row,) = claim()
    assert row.memory == {}
    messages.sent(row, {"ts": "17.5"})
    messages.queue("a", "notifier", {"number": 2})
    (row,) = claim(later(10))
    assert row.memory == {"ts": "17.5"}
    messages.sent(row, None)
    row.refresh_from_db()
    assert row.memory == {"ts": "17.5"}
