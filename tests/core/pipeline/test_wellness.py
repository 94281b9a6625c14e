"""When people are told that a service is unhealthy, and that it is well again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pipeline.wellness import CALM, Told, Wellness, after
from core.states import Health

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
#: A letter for what each look, a minute apart, shows.
SEEN = {"+": Health.HEALTHY, "-": Health.UNHEALTHY, "0": Health.ABSENT, "?": Health.UNKNOWN, "~": Health.STARTING}


def told(looks: str) -> str:
    """For each look what was told: `u`, `r`, or a dot."""
    known, found = Wellness(), ""
    for minute, look in enumerate(looks):
        known, news = after(known, SEEN[look], NOW + timedelta(minutes=minute))
        found += {None: ".", Told.UNHEALTHY: "u", Told.RECOVERED: "r"}[news]
    return found


@pytest.mark.parametrize(
    ("looks", "news"),
    [
        pytest.param("++++", "....", id="nothing of what is well"),
        pytest.param("+-++++++++-", "...........", id="nor of one bad look"),
        pytest.param("+---", "..u.", id="the second bad look is told, once"),
        pytest.param("+-0-", "..u.", id="gone is no better"),
        pytest.param("--++++++", ".u.....r", id="that it recovered once it was well for five minutes"),
        pytest.param(
            "--+-+-+-+++-++++++", ".u...............r", id="one that flaps is told of once, and once when it is over"
        ),
        pytest.param("-+-+-+", "..u...", id="one that flaps from the beginning as well"),
        pytest.param("--??++++++", ".u.......r", id="what nobody can tell is neither"),
        pytest.param("--~~+++~+++", ".u.......r."[:9] + "r.", id="nor is starting"),
        pytest.param("--++++++--++++++", ".u.....r.u.....r", id="the next time is told again"),
    ],
)
def test_what_is_told_of_looks_a_minute_apart(looks: str, news: str) -> None:
    assert told(looks) == news


@given(st.text(alphabet="+-0?~", max_size=60))
def test_it_is_told_in_turns_and_never_well_before_it_was_calm(looks: str) -> None:
    news = told(looks)
    assert news.replace(".", "").replace("ur", "") in ("", "u")
    calm = int(CALM.total_seconds() // 60)
    for at, each in enumerate(news):
        if each == "r":
            assert not set("-0") & set(looks[at - calm : at + 1])
