"""The cluster: a real one where `DEPLOYER_TEST_KUBE_BIN` names its programs, else what one answered.

`DEPLOYER_TEST_KUBE_BIN=/where/they/are pytest` tests against the real one and records what is said in
`tests/recordings/`, for all who have none.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from deployer_kubernetes.deployer import KubernetesDeployer

from .acting import Moves, place
from .cluster import node
from .cluster.control_plane import USERS, ControlPlane
from .cluster.processes import VARIABLE
from .exchanges import Recorder, Replay
from .world import RECORDINGS, RealWorld, World, namespace_of, release

#: Seconds between two looks. Nothing goes on between two looks at a recording.
LOOK = 0.3 if os.environ.get(VARIABLE) else 0.0


PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember which tests passed: only what they said is worth keeping."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane | None]:
    if not os.environ.get(VARIABLE):
        yield None
        return
    # Not one of pytest's directories: a socket's path may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix="kube-", ignore_cleanup_errors=True) as name:
        plane = ControlPlane(Path(name), {user: token_hex(16) for user in USERS})
        try:
            plane.start()
            node.start(Path(name), plane)
            yield plane
        finally:
            node.end(Path(name))
            plane.programs.end()


@pytest.fixture
def world(plane: ControlPlane | None, request: pytest.FixtureRequest) -> Iterator[World]:
    name = namespace_of(request.node.name)
    recording = RECORDINGS / f"{name}.jsonl.gz"
    if plane is None:
        with Replay({f"token-of-{user}": user for user in USERS}, recording) as replay:
            yield World(name, replay)
            replay.check()
        return
    users = {token: user for user, token in plane.tokens.items()}
    with Recorder(users, plane.asker) as recorder:
        world = RealWorld(name, recorder, plane)
        try:
            yield world
            if request.node.stash.get(PASSED, False):
                recorder.keep(recording)
        finally:
            world.end()


@pytest.fixture
def deployer(world: World, secrets: Callable[[str, str], None]) -> KubernetesDeployer:
    secrets("kubeconfig", world.kubeconfig())
    return KubernetesDeployer(LOOK, world.clock)


@pytest.fixture
def moves(deployer: KubernetesDeployer, world: World, tmp_path: Path) -> Moves:
    """With a Deployment that runs the release `shop`."""
    world.create(image=release("shop").reference)
    return Moves(deployer, place(world), tmp_path)
