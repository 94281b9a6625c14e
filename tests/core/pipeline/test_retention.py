"""What goes is old and needless; what is needed stays, however old it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.pipeline.declaration import Retention
from core.pipeline.retention import (
    KEPT_RELEASES,
    OFFERED_RELEASES,
    Facts,
    JobFact,
    RefFact,
    ReleaseFact,
    ServiceFact,
    may_go,
)

NOW = datetime(2026, 11, 28, tzinfo=UTC)
DAYS = some.none() | some.integers(1, 30)
RETENTIONS = some.builds(Retention, logs=DAYS, builds=DAYS, refs=DAYS, releases=some.none() | some.integers(1, 40))
#: Releases of all targets together, and commits.
MANY, COMMITS = 60, 12


def world(seed: int) -> Facts:
    """Anything, whether it makes sense or not. From one number: a draw for each field takes a hundred times as long."""
    draw = Random(seed)

    def past() -> datetime | None:
        return NOW - timedelta(days=draw.randint(0, 60), seconds=1) if draw.random() < 0.8 else None

    def some_of(most: int, end: int) -> frozenset[int]:
        return frozenset(draw.randrange(end) for _ in range(draw.randint(0, most)))

    def perhaps(end: int) -> int | None:
        return draw.choice([None, draw.randrange(end)])

    jobs = [
        JobFact(
            id=number,
            finished_at=past(),
            newest=draw.random() < 0.5,
            passing=draw.random() < 0.5,
            has_log=draw.random() < 0.8,
            commit=perhaps(COMMITS),
            build=perhaps(COMMITS),
            releases=some_of(2, MANY),
        )
        for number in range(draw.randint(0, 30))
    ]
    services = [
        ServiceFact(
            target=draw.randrange(3),
            current=perhaps(MANY),
            rollback=perhaps(MANY),
            deployed=[draw.randrange(MANY) for _ in range(draw.randint(0, 12))],
        )
        for _ in range(draw.randint(0, 4))
    ]
    return Facts(
        jobs=jobs,
        refs=[RefFact(id=key, commit=draw.randrange(COMMITS), gone_at=past()) for key in range(draw.randint(0, 10))],
        releases=[
            ReleaseFact(
                id=key,
                target=draw.choice([0, 0, 0, 1, 2]),
                commit=draw.randrange(COMMITS),
                published=draw.random() < 0.9,
            )
            for key in range(draw.randint(0, MANY))
        ],
        services=services,
        meant_commits=some_of(2, COMMITS),
        meant_releases=some_of(2, MANY),
    )


WORLDS = some.builds(world, some.integers(0, 2**32))


def open_heads(facts: Facts) -> set[int]:
    return {ref.commit for ref in facts.refs if ref.gone_at is None}


@given(WORLDS, RETENTIONS)
def test_what_goes_on_never_goes(facts: Facts, retention: Retention) -> None:
    going = may_go(facts, retention, NOW)
    active = {job.id for job in facts.jobs if job.finished_at is None}
    assert not active & {*going.jobs, *going.logs}


@given(WORLDS, RETENTIONS)
def test_what_is_live_or_was_sent_back_to_never_goes(facts: Facts, retention: Retention) -> None:
    going = may_go(facts, retention, NOW)
    live = {each for service in facts.services for each in (service.current, service.rollback)} - {None}
    assert not live & set(going.images)
    assert not any(job.releases & live for job in facts.jobs if job.id in {*going.jobs, *going.logs})


@given(WORLDS, RETENTIONS)
def test_what_a_service_could_go_back_to_never_goes(facts: Facts, retention: Retention) -> None:
    going = may_go(facts, retention, NOW)
    for service in facts.services:
        assert not set(list(dict.fromkeys(service.deployed))[:KEPT_RELEASES]) & set(going.images)
    for target in range(3):
        shown = [release.id for release in reversed(facts.releases) if release.target == target and release.published]
        assert not set(shown[:OFFERED_RELEASES]) & set(going.images)


@given(WORLDS, RETENTIONS)
def test_the_newest_build_of_an_open_ref_never_goes(facts: Facts, retention: Retention) -> None:
    going = may_go(facts, retention, NOW)
    newest = {job.id for job in facts.jobs if job.newest and job.commit in open_heads(facts)}
    assert not newest & {*going.jobs, *going.logs}
    assert not {ref.id for ref in facts.refs if ref.gone_at is None} & set(going.refs)


@given(WORLDS, RETENTIONS)
def test_what_something_undone_is_about_never_goes(facts: Facts, retention: Retention) -> None:
    going = may_go(facts, retention, NOW)
    meant = {job.id for job in facts.jobs if job.newest and job.commit in facts.meant_commits}
    assert not meant & {*going.jobs, *going.logs}
    assert not {ref.id for ref in facts.refs if ref.commit in facts.meant_commits} & set(going.refs)
    assert not set(facts.meant_releases) & set(going.images)


@given(WORLDS, RETENTIONS)
def test_nothing_goes_before_its_time(facts: Facts, retention: Retention) -> None:
    going = may_go(facts, retention, NOW)
    for keys, days in ((going.logs, retention.logs), (going.jobs, retention.builds)):
        for job in facts.jobs:
            if job.id in keys:
                assert days is not None
                assert job.finished_at
                assert NOW - job.finished_at > timedelta(days=days)
    assert all(facts.jobs[key].passing for key in going.jobs)
    assert not set(going.logs) & set(going.jobs)
    if retention.refs is None:
        assert not going.refs


@given(WORLDS)
def test_who_keeps_everything_loses_nothing(facts: Facts) -> None:
    going = may_go(facts, Retention(logs=None, builds=None, refs=None, releases=None), NOW)
    assert not any((going.logs, going.jobs, going.refs, going.images))


@given(WORLDS, RETENTIONS)
def test_who_keeps_longer_keeps_more(facts: Facts, retention: Retention) -> None:
    longer = Retention(
        **{
            name: value if value is None else value + 10
            for name in ("logs", "builds", "refs", "releases")
            for value in (getattr(retention, name),)
        }
    )
    less, more = may_go(facts, longer, NOW), may_go(facts, retention, NOW)
    assert {*less.jobs, *less.logs} <= {*more.jobs, *more.logs}
    assert set(less.refs) <= set(more.refs)
    assert set(less.images) <= set(more.images)


@pytest.mark.parametrize(("days", "log", "row"), [(10, False, False), (100, True, False), (200, False, True)])
def test_of_an_old_check_build_first_the_log_goes_and_then_the_row(days: int, log: bool, row: bool) -> None:
    job = JobFact(id=1, finished_at=NOW - timedelta(days=days), newest=True, passing=True, commit=1)
    going = may_go(Facts(jobs=[job]), Retention(), NOW)
    assert (list(going.logs), list(going.jobs)) == ([1] * log, [1] * row)


def test_the_newest_reading_of_an_input_stays() -> None:
    old = NOW - timedelta(days=400)
    jobs = [JobFact(id=key, finished_at=old, newest=key == 2, passing=True) for key in (1, 2)]
    assert list(may_go(Facts(jobs=jobs), Retention(), NOW).jobs) == [1]


def test_of_many_releases_the_images_of_the_oldest_go() -> None:
    releases = [ReleaseFact(id=key, target=1, commit=key, published=True) for key in range(120)]
    services = [ServiceFact(target=1, current=3, deployed=[3, 7])]
    going = may_go(Facts(releases=releases, services=services), Retention(), NOW)
    assert sorted(going.images) == sorted(set(range(20)) - {3, 7})
