"""The state machine of jobs, move by move, and the words of levels and roles."""

from __future__ import annotations

from itertools import product

import pytest

from core.errors import ConfigurationError, TransitionError
from core.states import JOB, Actor, JobState, Level, Machine, Role

Q, R, S, F, C = JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED
RUNNER, RECONCILE, PERSON = Actor.RUNNER, Actor.RECONCILE, Actor.PERSON

#: All that is allowed, move by move; whatever is not here is refused.
ALLOWED = {
    (Q, R): {RUNNER},
    (Q, C): {RUNNER, RECONCILE, PERSON},
    (R, Q): {RUNNER},
    (R, S): {RUNNER},
    (R, F): {RUNNER},
    (R, C): {RUNNER},
}


@pytest.mark.parametrize(("old", "new", "actor"), list(product(JobState, JobState, Actor)))
def test_every_move_by_everybody(old: JobState, new: JobState, actor: Actor) -> None:
    if actor in ALLOWED.get((old, new), set()):
        JOB.check(old, new, actor)
    else:
        with pytest.raises(TransitionError, match=f"^{actor} may not move from {old} to {new}$"):
            JOB.check(old, new, actor)


def test_nothing_leads_out_of_what_is_over() -> None:
    assert JOB.active == {Q, R}
    assert JOB.final == {S, F, C}


def test_every_state_is_either_active_or_final() -> None:
    assert JOB.active | JOB.final == set(JobState)
    assert not JOB.active & JOB.final


@pytest.mark.parametrize("state", sorted(JOB.active))
def test_every_active_state_has_a_way_to_every_end(state: JobState) -> None:
    seen, ahead = {state}, [state]
    while ahead:
        old = ahead.pop()
        following = {new for was, new in JOB.moves if was == old} - seen
        seen |= following
        ahead += following
    assert JOB.final <= seen


def test_a_crash_leaves_a_job_that_can_be_taken_up_again() -> None:
    JOB.check(R, Q, RUNNER)
    JOB.check(Q, R, RUNNER)


def test_a_machine_without_moves_refuses_everything() -> None:
    machine: Machine[JobState] = Machine({})
    with pytest.raises(TransitionError):
        machine.check(Q, R, RUNNER)


# Levels and roles


def test_levels_go_from_none_to_the_most() -> None:
    assert [level.word for level in sorted(Level)] == [
        "harmless",
        "mostly-harmless",
        "average",
        "above-average",
        "dangerous",
    ]


@pytest.mark.parametrize("level", Level)
def test_a_level_is_read_as_it_is_written(level: Level) -> None:
    assert Level.parse(level.word) is level


@pytest.mark.parametrize("word", ["Mostly-Harmless", "mostly_harmless", " mostly-harmless\n"])
def test_a_level_may_be_written_carelessly(word: str) -> None:
    assert Level.parse(word) is Level.MOSTLY_HARMLESS


@pytest.mark.parametrize("word", ["", "harm", "harmlessly", "3"])
def test_an_unknown_level_is_refused_with_those_that_exist(word: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Level.parse(word)
    assert str(caught.value) == (
        f"there is no level {word!r}; the levels are harmless, mostly-harmless, average, above-average, dangerous"
    )


def test_each_role_may_do_what_the_one_before_may() -> None:
    assert Role.VIEWER < Role.BUILDER < Role.ADMIN
