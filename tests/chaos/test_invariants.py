"""The invariants notice what they are for: a check that cannot fail would find nothing, however much breaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.chaos import invariants
from tests.chaos.invariants import History
from tests.chaos.load import Call


def event(name: str, at: float = 0, **facts: Any) -> dict[str, Any]:
    return {"event": name, "at": at, "service": "shop", **facts}


def begin(runner: str, at: float) -> dict[str, Any]:
    return event("begin", at, runner=runner, process=1, attempt=f"{runner}{at}")


def test_moves_that_should_not_have_been_are_found() -> None:
    numbers = {"d1": 1, "d2": 2}
    forward = [event("move", digest="d1"), event("move", digest="d2")]
    assert not list(invariants.faults_of_moves(forward, numbers, {}))
    back = [*forward, event("move", digest="d1")]
    assert list(invariants.faults_of_moves(back, numbers, {})) == [
        "shop was moved back from 2 to 1, and nobody asked for it"
    ]
    assert not list(invariants.faults_of_moves(back, numbers, {"shop": {"d1"}}))
    assert list(invariants.faults_of_moves([*forward, forward[1]], numbers, {})) == ["shop was moved twice to d2"]
    assert list(invariants.faults_of_moves([event("overlap")], numbers, {})) == ["two moves of shop at once"]


def test_two_runners_at_once_are_found_unless_the_first_could_not_know() -> None:
    both = [begin("a", 1), begin("b", 2)]
    assert len(list(invariants.faults_of_attempts(both, History()))) == 1
    ended = [both[0], event("end", 1.5, attempt="a1"), both[1]]
    assert not list(invariants.faults_of_attempts(ended, History()))
    killed, paused = History(), History()
    killed.killed["a"].append(1.5)
    paused.paused["a"].append((1.2, 1.9))
    assert not list(invariants.faults_of_attempts(both, killed))
    assert not list(invariants.faults_of_attempts(both, paused))
    paused.paused["a"] = [(0.1, 0.2)]
    assert list(invariants.faults_of_attempts(both, paused))


def test_news_that_are_missing_or_late_are_found() -> None:
    deployments = [{"id": 1, "state": "succeeded"}]
    tell = [event("tell", key="deployment-1", state=state) for state in ("queued", "running", "succeeded")]
    assert not list(invariants.faults_of_news(tell, deployments, History()))
    assert list(invariants.faults_of_news(tell[:2], deployments, History()))
    assert list(invariants.faults_of_news([*tell, tell[1]], deployments, History()))


def test_calls_without_an_effect_or_with_two_are_found() -> None:
    call = Call("/lock", {}, "call 1", status=200)
    assert not list(invariants.faults_of_calls([call], [("locked", "call 1")]))
    assert list(invariants.faults_of_calls([call], []))
    assert list(invariants.faults_of_calls([call], [("locked", "call 1")] * 2))
    call.status = 409
    assert not list(invariants.faults_of_calls([call], []))


def test_torn_and_doubled_lines_are_found(tmp_path: Path) -> None:
    job = {"id": 1, "kind": "build", "state": "succeeded", "log": "log", "title": "chaos/one: build"}
    lines = [f"line {number} of {'a' * 16} {'x' * 50} end" for number in range(20)]

    def found(*text: str) -> list[str]:
        (tmp_path / "log").write_text("\n".join([*text, "succeeded"]))
        return list(invariants.faults_of_logs([job], tmp_path, torn_up_to=0))

    assert not found(*lines)
    assert "the log of job 1 has lines twice" in found(*lines, lines[0])
    assert found(*lines[:-1], lines[-1][:30])
    assert found(*lines[:-1])
    (tmp_path / "log").unlink()
    assert list(invariants.faults_of_logs([job], tmp_path, torn_up_to=0))


def test_leases_that_lie_an_hour_ahead_are_found() -> None:
    row = {"lease": None, "next_look_at": 10}
    assert not list(invariants.faults_of_leases({"now": 9, "repositories": {"r": row}}, 5))
    for ahead in ({"lease": 3600}, {"next_look_at": 3600}):
        assert list(invariants.faults_of_leases({"now": 9, "repositories": {"r": row | ahead}}, 5))
