"""Times of a week and dates, in a time zone: whether a moment is in one of them, and when that ends. Pure.

A weekly time is between two wall-clock times (`Fri 16:00–Mon 08:00`), a date range from the beginning of its first day to
the end of its last (`2026-12-20 to 2027-01-04`). A wall-clock time that a change of the clocks leaves out counts as the
moment of the change; one that comes twice counts at its first time where it begins something, and at its second where it
ends something: in doubt, it is held.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = "|".join(DAYS)
_TO = r"\s*(?:–|-|to)\s*"
_WEEKLY = re.compile(rf"({_DAY})\s+(\d\d):(\d\d){_TO}(?:({_DAY})\s+)?(\d\d):(\d\d)", re.IGNORECASE)
_DATE = r"(\d{4}-\d\d-\d\d)"
_DATES = re.compile(rf"{_DATE}(?:\s*(?:–|to)\s*{_DATE})?")
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Weekly:
    """Every week between two times of it, each as minutes since Monday 00:00; it may go round the end of the week."""

    begins: int
    ends: int

    def around(self, moment: datetime, zone: tzinfo) -> Iterable[tuple[datetime, datetime]]:
        """The times of it that may have a moment in them, in UTC."""
        today = moment.astimezone(zone).date()
        length = (self.ends - self.begins) % (7 * 24 * 60) or 7 * 24 * 60
        for weeks in (-2, -1, 0, 1):
            monday = today - timedelta(days=today.weekday()) + _WEEK * weeks
            yield _begin(monday, self.begins, zone), _end(monday, self.begins + length, zone)


@dataclass(frozen=True, slots=True)
class Dates:
    """From the beginning of one day to the end of another."""

    first: date
    last: date

    def around(self, moment: datetime, zone: tzinfo) -> Iterable[tuple[datetime, datetime]]:
        """The one time of it, in UTC."""
        yield _begin(self.first, 0, zone), _end(self.last, 24 * 60, zone)


Window = Weekly | Dates


def parse(text: str) -> Window:
    """Read a window.

    :raises ValueError: it is none; says how one is written.
    """
    words = text.strip()
    if found := _WEEKLY.fullmatch(words):
        day, hours, minutes, last, last_hours, last_minutes = found.groups()
        begins = _minute(day, hours, minutes, text)
        ends = _minute(last or day, last_hours, last_minutes, text)
        if begins == ends:
            raise ValueError(f"{text!r}: it ends when it begins")
        if not last and ends < begins:
            raise ValueError(f"{text!r}: name the day on which it ends")
        return Weekly(begins, ends)
    if found := _DATES.fullmatch(words):
        first, last = (_date(each or found[1], text) for each in found.groups())
        if last < first:
            raise ValueError(f"{text!r}: it ends before it begins")
        return Dates(first, last)
    raise ValueError(f"{text!r}: it is `Fri 16:00–Mon 08:00`, `2026-12-24`, or `2026-12-20 to 2027-01-04`")


def _minute(day: str, hours: str, minutes: str, text: str) -> int:
    if int(hours) * 60 + int(minutes) > 24 * 60 or int(minutes) > 59:
        raise ValueError(f"{text!r}: {hours}:{minutes} is no time of the day")
    return DAYS.index(day.capitalize()) * 24 * 60 + int(hours) * 60 + int(minutes)


def _date(text: str, whole: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{whole!r}: there is no day {text}") from None


def held_until(windows: Sequence[Window], moment: datetime, zone: tzinfo) -> datetime | None:
    """When the windows that a moment is in end, those that follow without a gap included; None where it is in none.

    At most ten years on: windows that leave nothing free have no end.
    """
    at = moment.astimezone(UTC)
    limit = at + timedelta(days=3650)
    while at <= limit:
        ends = [end for window in windows for begin, end in window.around(at, zone) if begin <= at < end]
        if not ends:
            return at if at > moment else None
        at = max(ends)
    return at


def _begin(day: date, minutes: int, zone: tzinfo) -> datetime:
    return min(_both(day, minutes, zone))


def _end(day: date, minutes: int, zone: tzinfo) -> datetime:
    return max(_both(day, minutes, zone))


def _both(day: date, minutes: int, zone: tzinfo) -> tuple[datetime, datetime]:
    """The moments at which a clock on the wall shows a time: two that differ where the clocks are put back (PEP 495)."""
    days, rest = divmod(minutes, 24 * 60)
    wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), zone)
    first, second = (wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:
        # No clock shows it: it is put forward over it. Both stand for the moment at which it is.
        change = _change(second, first, zone)
        return change, change
    return first, second


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The moment between two at which the clocks of a zone are changed, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
