"""What a process counts and times before it is written down."""

from __future__ import annotations

import asyncio

import pytest

from core import measures
from core.errors import Waiting
from core.measures import Counter, Histogram

FELL = Counter("tests_fell", "What fell.", ["kind"])
TOOK = Histogram("tests_seconds", "How long it took.", ["outcome"], bounds=(1, 10))


def test_what_is_counted_is_taken_once() -> None:
    FELL.count(kind="leaf")
    FELL.count(2, kind="leaf")
    taken = measures.take()
    assert taken["deployer_plugin_tests_fell", ("leaf",)].count == 3
    assert measures.take() == {}
    FELL.count(kind="leaf")
    measures.give_back(taken)
    assert measures.take()["deployer_plugin_tests_fell", ("leaf",)].count == 4


def test_a_value_is_in_the_bucket_of_the_bound_that_it_does_not_exceed() -> None:
    for value in (0.5, 1, 1.5, 10, 11):
        TOOK.measure(value, outcome="succeeded")
    (found,) = measures.take().values()
    assert (found.count, found.total, found.buckets) == (5, 24, [2, 2, 1])


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (None, "succeeded"),
        (ValueError("no"), "failed"),
        (Waiting("later", retry_in=1), "waiting"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
def test_how_a_block_ended_is_its_outcome(raised: BaseException | None, outcome: str) -> None:
    def block() -> None:
        with TOOK.timed():
            if raised:
                raise raised

    if raised:
        with pytest.raises(type(raised)):
            block()
    else:
        block()
    assert [labels for _, labels in measures.take()] == [(outcome,)]


def test_labels_without_end_become_one_series() -> None:
    for number in range(measures._MOST_SERIES + 50):
        FELL.count(kind=f"{number}" + "x" * 200)
    taken = measures.take()
    assert len(taken) == measures._MOST_SERIES + 1
    assert taken["deployer_plugin_tests_fell", ("other",)].count == 50
    assert max(len(labels[0]) for _, labels in taken) == 100


def test_other_labels_and_names_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="has the labels kind"):
        FELL.count(colour="red")
    with pytest.raises(ValueError, match="no name of a measure"):
        Counter("Not a name", "x")
