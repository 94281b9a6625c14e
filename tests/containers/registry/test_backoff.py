"""How long a registry is left alone."""

from __future__ import annotations

from containers.registry.backoff import Backoff


def test_the_pause_doubles_with_each_failure_after_it_and_ends_growing() -> None:
    backoff, now, pauses = Backoff(), 1000.0, []
    for _ in range(10):
        pauses.append(backoff.failed("ghcr.io", now))
        now += pauses[-1]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]


def test_many_jobs_that_meet_one_failure_make_one_pause() -> None:
    backoff = Backoff()
    assert {backoff.failed("ghcr.io", 1000 + n / 10) for n in range(20)} == {5}


def test_a_success_forgets_the_failures_before_it() -> None:
    backoff = Backoff()
    for now in (1000.0, 1005.0, 1015.0):
        backoff.failed("ghcr.io", now)
    backoff.succeeded("ghcr.io")
    assert backoff.failed("ghcr.io", 1016.0) == 5


def test_registries_fail_each_by_itself() -> None:
    backoff = Backoff()
    for now in (1000.0, 1005.0):
        backoff.failed("ghcr.io", now)
    assert backoff.failed("quay.io", 1010.0) == 5
