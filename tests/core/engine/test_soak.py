"""Watching a service after its move: what each look shows, what follows, and what is done about it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.engine.soak import PATIENCE, Decision, Finding, Look, Soak, Watch, look_of, soak
from core.errors import DeploymentFailed, OperationError, Waiting
from core.operation_values import DeployRequest
from core.states import Health
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from core.values import Observation, Release, ServicePlace
from tests.dummy_plugin.roles import DummyDeployer, DummyDeployerOptions

OLD, NEW = (Release(image="acme/shop:live", digest=f"sha256:{number * 64}") for number in "12")
REQUEST = DeployRequest(service=ServicePlace(name="shop", options=DummyDeployerOptions()), release=NEW, previous=OLD)

# What a look shows


@pytest.mark.parametrize(
    ("seen", "finding", "words"),
    [
        pytest.param(Observation(digest=NEW.digest, health=Health.HEALTHY), Finding.WELL, "healthy", id="healthy"),
        pytest.param(
            Observation(digest=NEW.digest), Finding.WELL, "unknown", id="one without a check of its health is believed"
        ),
        pytest.param(
            Observation(digest=NEW.digest, health=Health.STARTING),
            Finding.STARTING,
            "starting",
            id="one that starts again",
        ),
        pytest.param(
            Observation(digest=NEW.digest, health=Health.UNHEALTHY, detail="1 of 2 tasks running"),
            Finding.BAD,
            "unhealthy (1 of 2 tasks running)",
            id="unhealthy",
        ),
        pytest.param(Observation(digest=None, health=Health.ABSENT), Finding.BAD, "absent", id="gone"),
        pytest.param(
            Observation(digest=OLD.digest, health=Health.HEALTHY),
            Finding.BAD,
            "running another image, 111111111111",
            id="moved by somebody else",
        ),
        pytest.param(
            Observation(digest=None, health=Health.HEALTHY),
            Finding.BAD,
            "running another image, one that no release is known by",
            id="moved to who knows what",
        ),
    ],
)
def test_what_a_look_shows(seen: Observation, finding: Finding, words: str) -> None:
    look = look_of(seen, NEW.digest)
    assert (look.finding, look.words) == (finding, words)


# What follows: looks with their times, of a soak of 60 seconds


@pytest.mark.parametrize(
    ("looks", "decision"),
    [
        pytest.param([(0, Finding.WELL)], Decision.GO_ON, id="well so far"),
        pytest.param([(0, Finding.WELL), (60, Finding.WELL)], Decision.DONE, id="well for long enough"),
        pytest.param([(0, Finding.WELL), (5, Finding.BAD)], Decision.TAKE_BACK, id="bad once is enough"),
        pytest.param([(59, Finding.UNKNOWN), (61, Finding.UNKNOWN)], Decision.GO_ON, id="it ends with a good look"),
        pytest.param([(59, Finding.STARTING), (61, Finding.WELL)], Decision.DONE, id="as soon as there is one"),
        pytest.param([(5, Finding.UNKNOWN), (64, Finding.UNKNOWN)], Decision.GO_ON, id="errors are borne for a while"),
        pytest.param([(5, Finding.UNKNOWN), (65, Finding.UNKNOWN)], Decision.GIVE_UP, id="not for ever"),
        pytest.param(
            [(5, Finding.STARTING), (65, Finding.STARTING)], Decision.TAKE_BACK, id="nor is one that never starts"
        ),
        pytest.param(
            [(5, Finding.UNKNOWN), (50, Finding.WELL), (70, Finding.UNKNOWN)], Decision.GO_ON, id="a good look forgives"
        ),
    ],
)
def test_what_follows_from_the_looks(looks: list[tuple[int, Finding]], decision: Decision) -> None:
    assert PATIENCE == 60, "the table above is written for this"
    watch = Watch(until=60)
    assert [watch.decide(Look(finding, ""), now) for now, finding in looks][-1] is decision


# For real, with a deployer in memory


@pytest.fixture
def deployer() -> DummyDeployer:
    deployer = DummyDeployer()
    deployer.running["shop"] = NEW.digest
    return deployer


async def test_a_service_that_stays_healthy_is_watched_to_the_end(deployer: DummyDeployer, tmp_path: Path) -> None:
    log = RecordingLog()
    await soak(deployer, REQUEST, Soak(seconds=1), attempt_context(tmp_path, log))
    assert log.notes == [
        "soaking for 1 s: the others follow if it stays healthy",
        "soaking: healthy, 1 s left",
        "soaked for 1 s: healthy",
    ]
    assert deployer.moves == []


async def test_an_unhealthy_service_is_taken_back(deployer: DummyDeployer, tmp_path: Path) -> None:
    deployer.health["shop"] = Health.UNHEALTHY
    log = RecordingLog()
    with pytest.raises(DeploymentFailed) as failure:
        await soak(deployer, REQUEST, Soak(seconds=600), attempt_context(tmp_path, log))
    assert str(failure.value) == (
        "while it soaked, it was unhealthy; the others were not moved, and it was taken back to what it ran before"
    )
    assert failure.value.running == OLD.digest
    assert deployer.moves == [("shop", OLD.digest)]
    assert f"taking it back to {OLD.reference}" in log.notes
    assert failure.value.unhealthy


@pytest.mark.parametrize("previous", [None, NEW], ids=["it is the first", "it is the same again"])
async def test_without_an_earlier_release_it_stays_and_that_is_said(
    previous: Release | None, deployer: DummyDeployer, tmp_path: Path
) -> None:
    deployer.health["shop"] = Health.UNHEALTHY
    with pytest.raises(DeploymentFailed, match="there is no earlier release to take it back to") as failure:
        await soak(deployer, replace(REQUEST, previous=previous), Soak(seconds=600), attempt_context(tmp_path))
    assert (failure.value.running, deployer.moves) == (NEW.digest, [])


async def test_one_that_cannot_be_taken_back_either_says_both(deployer: DummyDeployer, tmp_path: Path) -> None:
    deployer.health["shop"] = Health.UNHEALTHY
    deployer.errors["shop"] = "its host is full"
    with pytest.raises(
        DeploymentFailed, match=r"it was unhealthy.* could not be taken back: its host is full"
    ) as failure:
        await soak(deployer, REQUEST, Soak(seconds=600), attempt_context(tmp_path))
    assert failure.value.running == NEW.digest


async def test_a_look_that_fails_counts_against_nobody(deployer: DummyDeployer, tmp_path: Path) -> None:
    deployer.unreachable.add("shop")
    log = RecordingLog(lambda line: deployer.unreachable.clear() if "does not answer" in line else None)
    await soak(deployer, REQUEST, Soak(seconds=1), attempt_context(tmp_path, log))
    assert "soaking: the host of shop does not answer, 1 s left" in log.notes
    assert deployer.moves == []


async def test_what_nobody_can_tell_for_long_is_tried_again(
    deployer: DummyDeployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.soak.PATIENCE", 0.1)
    deployer.unreachable.add("shop")
    with pytest.raises(OperationError, match="nobody could tell how it was") as failure:
        await soak(deployer, REQUEST, Soak(seconds=1), attempt_context(tmp_path))
    assert not isinstance(failure.value, DeploymentFailed)
    assert deployer.moves == []


async def test_a_runner_that_is_stopped_does_not_wait_for_the_end(deployer: DummyDeployer, tmp_path: Path) -> None:
    context = replace(attempt_context(tmp_path), stopping=lambda: True)
    with pytest.raises(Waiting, match="it soaks again"):
        await asyncio.wait_for(soak(deployer, REQUEST, Soak(seconds=600), context), 30)
