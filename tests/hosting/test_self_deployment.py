"""The deployer deploys itself: the process that moves a service is the one that is replaced by it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker_real import RealEngine, engine, wait_for
from tests.hosting.world import PROCESSES, Stack, stack

__all__ = ["engine"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


@pytest.fixture
def own(tmp_path: Path, engine: RealEngine) -> Iterator[Stack]:
    with stack(tmp_path, engine) as made:
        made.start()
        until(made, lambda: made.run("runner", "deployer", "healthy"), "the runner to be well")
        until(made, lambda: made.run("web", "deployer", "healthy"), "the web to be well")
        yield made


def until(own: Stack, done: Callable[[], Any], what: str, seconds: float = 1200) -> None:
    try:
        wait_for(done, what, seconds=seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{own.told()}") from None


def test_a_push_replaces_web_schedules_and_the_runner_that_does_it(own: Stack) -> None:
    # As in the stack the old one may see the end itself, where it is quicker than the swarm that ends it.
    own.engine.cli("service", "update", "--detach", "--update-order", "stop-first", f"{own.name}_runner")
    before = own.run("runner", "hostname")
    own.work.push("main:live")
    until(own, lambda: [each[0] for each in own.deployments("runner")] == ["succeeded"], "the runner's own deployment")
    for process in PROCESSES:
        [[state, digest]] = own.deployments(process)
        assert state == "succeeded"
        assert own.image(process).endswith(f"@{digest}")
        assert own.update(process) == "completed"
        until(own, lambda process=process: len(own.containers(process)) == 1, "the old one to be gone")
    assert own.run("runner", "hostname") != before, "another process did the rest"
    [log] = [each for each in own.logs("deployment") if f"{own.name}_runner" in each.partition("\n")[0]]
    assert log.count("moving it to") == 1, "it was moved once"
    assert "the runner is being stopped; the engine goes on" in log
    assert re.search(rf"taken up by runner {own.run('runner', 'hostname').strip()}", log), log
    assert log.rstrip().endswith("succeeded")

    # The new runner does not start, and the old one has ended when that shows.
    [[_, good]] = own.deployments("runner")
    own.refuse("runner")
    own.work.push("main:live")
    until(own, lambda: [each[0] for each in own.deployments("runner")] == ["succeeded", "failed"], "it to fail")
    assert [each[0] for each in own.deployments("web")] == ["succeeded", "succeeded"]
    assert own.image("runner").endswith(f"@{good}"), "the version before goes on"
    log = own.logs("deployment")[-1]
    assert log.count("moving it to") == 1
    assert (
        log.index("taken up by runner") < log.index("no such thing") < log.index("was rolled back while nobody watched")
    )
