"""How slowly GitHub is polled, by what is left of the points."""

from __future__ import annotations

import pytest

from plugins.github.budget import Budget, read

NOW = 1_000_000.0


def pause(remaining: int, minutes: float, limit: int = 5000) -> float:
    return Budget(limit, remaining, NOW + minutes * 60).pause(NOW)


@pytest.mark.parametrize(
    ("remaining", "minutes"),
    [
        pytest.param(5000, 60, id="nothing is spent"),
        pytest.param(2600, 60, id="half of it is left for the whole hour"),
        pytest.param(1000, 10, id="a fifth is left, and a sixth of the hour"),
        pytest.param(0, 0, id="the hour is over"),
    ],
)
def test_what_lasts_is_polled_as_it_should_be(remaining: int, minutes: float) -> None:
    assert pause(remaining, minutes) == 0


def test_what_would_not_last_is_polled_more_slowly_the_less_is_left() -> None:
    pauses = [pause(remaining, 60) for remaining in (2400, 1600, 800, 400)]
    assert pauses == sorted(pauses)
    assert pauses[0] > 120
    assert len(set(pauses)) == 4


def test_the_last_points_are_kept_for_what_somebody_waits_for() -> None:
    assert pause(250, 30) == 30 * 60


def test_it_is_never_slower_than_until_there_are_new_points() -> None:
    assert all(pause(remaining, 7) <= 7 * 60 for remaining in range(0, 5000, 50))


@pytest.mark.parametrize(
    ("remaining", "reset", "empty"), [(0, NOW + 5, True), (1, NOW + 5, False), (0, NOW - 5, False)]
)
def test_nothing_is_asked_while_it_would_be_refused(remaining: int, reset: float, empty: bool) -> None:
    assert Budget(60, remaining, reset).empty(NOW) is empty


def test_points_are_read_from_an_answer() -> None:
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4990", "x-ratelimit-reset": "1000"}
    assert read(headers) == ("core", Budget(5000, 4990, 1000.0))
    assert read({**headers, "x-ratelimit-resource": "graphql"}) == ("graphql", Budget(5000, 4990, 1000.0))


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-limit": "many"}, {"x-ratelimit-remaining": "4"}])
def test_an_answer_that_tells_no_points_is_no_mistake(headers: dict[str, str]) -> None:
    assert read(headers) is None
