"""What checks from outside come to while a service is watched after its move."""

from __future__ import annotations

import pytest

from core.engine.health import FAILURES, Outside
from core.engine.soak import Finding, Look
from core.engine.uri_checks import Answer
from core.pipeline.declaration import HealthCheck

SEEN = Look(Finding.WELL, "healthy", "sha256:1")
WELL, BAD = Answer(True, "it answers 200"), Answer(False, "it answers 503, not 200")


@pytest.mark.parametrize(
    ("answers", "finding"),
    [
        pytest.param([(0, WELL)], Finding.WELL, id="well"),
        pytest.param([(0, BAD)], Finding.STARTING, id="to begin with it gets time"),
        pytest.param([(0, BAD), (59, BAD)], Finding.STARTING, id="as much as its grace"),
        pytest.param([(0, BAD), (60, BAD)], Finding.BAD, id="and no more"),
        pytest.param([(0, BAD), (59, WELL)], Finding.WELL, id="if it is well by then it is well"),
        pytest.param([(0, WELL), (5, BAD), (10, BAD)], Finding.STARTING, id="a check may fail now and then"),
        pytest.param([(0, WELL), (5, BAD), (10, BAD), (15, BAD)], Finding.BAD, id="not three in a row"),
        pytest.param(
            [(0, WELL), (5, BAD), (10, BAD), (15, WELL), (20, BAD)], Finding.STARTING, id="one of them is good"
        ),
    ],
)
def test_what_checks_come_to(answers: list[tuple[int, Answer]], finding: Finding) -> None:
    assert FAILURES == 3, "the table above is written for this"
    outside = Outside(HealthCheck(grace=60), "https://shop.example")
    looks = [outside.judge(SEEN, answer, now) for now, answer in answers]
    assert looks[-1].finding is finding
    assert answers[-1][1].words in looks[-1].words


async def test_what_the_deployer_sees_comes_first() -> None:
    bad = Look(Finding.BAD, "unhealthy", "sha256:1")
    assert await Outside(HealthCheck(), "http://127.0.0.1:1").look(bad, 0) is bad, "and nobody is asked"
