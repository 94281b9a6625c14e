"""Windows of a calendar: held against the clock on the wall of a zone, minute by minute, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plugins.gates.calendar import DAYS, Dates, Weekly, held_until, parse

PARIS = ZoneInfo("Europe/Paris")
#: With and without daylight saving, half an hour of it, a day left out (Apia, 30 December 2011), and midnight skipped.
ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Kathmandu",
)
WEEK = 7 * 24 * 60

moments = st.datetimes(datetime(2010, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
weekly = st.tuples(st.integers(0, WEEK - 1), st.integers(0, WEEK - 1)).filter(lambda both: both[0] != both[1])


def at(text: str, zone: ZoneInfo = PARIS, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("Fri 16:00–Mon 08:00", Weekly(4 * 1440 + 960, 480)),
        ("fri 16:00 - mon 08:00", Weekly(4 * 1440 + 960, 480)),
        ("Tue 12:00-13:30", Weekly(1440 + 720, 1440 + 810)),
        ("Sat 00:00 to Sun 24:00", Weekly(5 * 1440, WEEK)),
        ("2026-12-24", Dates(date(2026, 12, 24), date(2026, 12, 24))),
        ("2026-12-20 to 2027-01-04", Dates(date(2026, 12, 20), date(2027, 1, 4))),
    ],
)
def test_what_people_write_is_read(text: str, window: object) -> None:
    assert parse(text) == window


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("Fri 16", "it is `Fri 16:00–Mon 08:00`"),
        ("Fri 25:00–Mon 08:00", "25:00 is no time of the day"),
        ("Fri 23:60–Mon 08:00", "23:60 is no time of the day"),
        ("Fri 16:00–Fri 16:00", "it ends when it begins"),
        ("Fri 16:00–08:00", "name the day on which it ends"),
        ("2026-02-30", "there is no day 2026-02-30"),
        ("2026-12-24 to 2026-12-20", "it ends before it begins"),
        ("", "it is `Fri 16:00–Mon 08:00`"),
        ("Fri 16:00–Mon 08:00; rm -rf /", "it is `Fri 16:00–Mon 08:00`"),
    ],
)
def test_what_is_no_window_is_refused_with_how_one_is_written(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault.replace("`", ".").replace("–", ".")):
        parse(text)


@pytest.mark.parametrize(
    ("windows", "moment", "until"),
    [
        pytest.param(["Fri 16:00–Mon 08:00"], "2026-11-27 15:59:59", None, id="just before"),
        pytest.param(["Fri 16:00–Mon 08:00"], "2026-11-27 16:00", "2026-11-30 08:00", id="its first moment"),
        pytest.param(["Fri 16:00–Mon 08:00"], "2026-11-30 07:59:59", "2026-11-30 08:00", id="its last"),
        pytest.param(["Fri 16:00–Mon 08:00"], "2026-11-30 08:00", None, id="its end is free"),
        pytest.param(["2026-12-20 to 2027-01-04"], "2027-01-04 23:59", "2027-01-05 00:00", id="the last day counts"),
        pytest.param(
            ["Fri 16:00–Mon 08:00", "2026-11-30", "Tue 00:00–Tue 09:00"], "2026-11-28 12:00", "2026-12-01 09:00",
            id="those that follow without a gap end together",
        ),
        # 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
        pytest.param(["Sun 02:30–Sun 04:00"], "2026-03-29 03:00", "2026-03-29 04:00", id="begins in a gap: at the change"),
        pytest.param(["Sun 01:00–Sun 02:30"], "2026-03-29 01:59:59", "2026-03-29 03:00", id="ends in a gap: at the change"),
        pytest.param(["Sun 02:30–Sun 02:45"], "2026-03-29 03:00", None, id="lies in a gap: it is left out"),
    ],
)  # fmt: skip
def test_a_moment_is_held_until_its_windows_end(windows: list[str], moment: str, until: str | None) -> None:
    assert held_until([parse(each) for each in windows], at(moment), PARIS) == (at(until) if until else None)


def test_a_time_that_comes_twice_holds_from_its_first_to_its_second() -> None:
    begins, ends = [parse("Sun 02:30–Sun 05:00")], [parse("Sun 01:00–Sun 02:30")]
    assert held_until(begins, at("2026-10-25 02:30"), PARIS) == at("2026-10-25 05:00")
    assert held_until(ends, at("2026-10-25 02:15", fold=1), PARIS) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert held_until(ends, at("2026-10-25 02:30", fold=1), PARIS) is None


def test_windows_that_leave_nothing_free_do_not_go_on_for_ever() -> None:
    end = held_until([Weekly(0, WEEK)], at("2026-11-28 12:00"), PARIS)
    assert end is not None
    assert end > at("2036-01-01 00:00")


def on_the_wall(moment: datetime, zone: ZoneInfo) -> int:
    there = moment.astimezone(zone)
    return there.weekday() * 1440 + there.hour * 60 + there.minute


def clear_of_changes(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks are not changed within a day of a moment, when times may come twice or not at all."""
    around = (moment + timedelta(hours=hours) for hours in (-26, 0, 26))
    return len({each.astimezone(zone).utcoffset() for each in around}) == 1


@settings(max_examples=100, deadline=None)
@given(weekly, moments, zones)
@example((4 * 1440 + 960, 480), datetime(2026, 11, 30, 7, 0, tzinfo=UTC), PARIS)
def test_a_weekly_window_is_what_the_clock_on_the_wall_says(
    both: tuple[int, int], moment: datetime, zone: ZoneInfo
) -> None:
    begins, ends = both
    wall = on_the_wall(moment, zone)
    inside = begins <= wall < ends if begins < ends else wall >= begins or wall < ends
    held = held_until([Weekly(begins, ends)], moment, zone)
    if clear_of_changes(moment, zone):
        assert (held is not None) is inside
    if held is not None:
        assert held > moment
        assert held - moment <= timedelta(days=8, hours=2)
        assert held_until([Weekly(begins, ends)], held, zone) is None, "it is free once it says that it ends"
        if clear_of_changes(held, zone):
            assert on_the_wall(held, zone) == ends


@settings(max_examples=60, deadline=None)
@given(weekly, moments, zones, st.integers(1, 600))
def test_until_its_end_a_window_holds_all_the_time(
    both: tuple[int, int], moment: datetime, zone: ZoneInfo, minutes: int
) -> None:
    window = Weekly(*both)
    end = held_until([window], moment, zone)
    later = moment + timedelta(minutes=minutes)
    if end is not None and later < end:
        assert held_until([window], later, zone) == end


@settings(max_examples=60, deadline=None)
@given(st.dates(date(2011, 1, 1), date(2030, 1, 1)), st.integers(0, 30), moments, zones)
def test_dates_hold_on_their_days_and_on_no_others(first: date, days: int, moment: datetime, zone: ZoneInfo) -> None:
    last = first + timedelta(days=days)
    held = held_until([Dates(first, last)], moment, zone)
    assert (held is not None) is (first <= moment.astimezone(zone).date() <= last)


@given(st.sampled_from(DAYS), st.integers(0, 23), st.integers(0, 59), st.sampled_from(DAYS), st.integers(0, 23))
def test_what_is_written_is_what_is_read(day: str, hour: int, minute: int, last: str, end: int) -> None:
    if (day, hour, minute) != (last, end, 0):
        begins = DAYS.index(day) * 1440 + hour * 60 + minute
        assert parse(f"{day} {hour:02}:{minute:02}–{last} {end:02}:00") == Weekly(
            begins, DAYS.index(last) * 1440 + end * 60
        )
