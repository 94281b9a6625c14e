"""What there is to do for which refs, and which of it is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.pipeline.declaration import FromInput
from core.pipeline.facts import Policy, RecipeFact, RefFact, RollbackFact, Snapshot
from core.pipeline.graph import NodeKind, build
from core.pipeline.operations import Build, Deploy, Publish
from core.states import Level, Purpose
from tests.core.pipeline.facts import ONE, THREE, TWO, fingerprint, recipe, ref, service, snapshot, target

UNFOLLOWED = recipe(targets=[])
SECOND = recipe(2, name="docs", targets=[])
CHECK = f"check:1:linux/amd64:{ONE}"


@pytest.mark.parametrize(
    ("of", "nodes"),
    [
        pytest.param(
            snapshot(),
            ["build:1:linux/amd64", "release:1", "service:1"],
            id="a branch that a target follows is built, published and deployed",
        ),
        pytest.param(snapshot(ref("feature")), [CHECK], id="any other branch is checked"),
        pytest.param(snapshot(ref("refs/pull/7/head")), [CHECK], id="so is a pull request"),
        pytest.param(
            snapshot(ref("refs/pull/7/head"), recipes=[UNFOLLOWED, SECOND]),
            [CHECK, f"check:2:linux/amd64:{ONE}"],
            id="each recipe is checked",
        ),
        pytest.param(
            snapshot(recipes=[recipe(), SECOND]),
            ["build:1:linux/amd64", "release:1", "service:1", f"check:2:linux/amd64:{ONE}"],
            id="a recipe without a target for the branch is checked on it",
        ),
        pytest.param(
            snapshot(recipes=[recipe(platforms=["linux/amd64", "linux/arm64"])]),
            ["build:1:linux/amd64", "build:1:linux/arm64", "release:1", "service:1"],
            id="there is one release for all platforms",
        ),
        pytest.param(
            snapshot(ref("live"), ref("feature"), ref("refs/pull/7/head")),
            ["build:1:linux/amd64", "release:1", "service:1"],
            id="a commit that is released is not checked as well",
        ),
        pytest.param(snapshot(ref("a"), ref("b")), [CHECK], id="a commit is checked once, however many refs it has"),
        pytest.param(
            snapshot(ref("a"), ref("b", TWO)),
            [CHECK, f"check:1:linux/amd64:{TWO}"],
            id="each commit is checked",
        ),
        pytest.param(
            snapshot(recipes=[recipe(targets=[target(services=[])])]),
            ["build:1:linux/amd64", "release:1"],
            id="a target without a service is published all the same",
        ),
        pytest.param(
            snapshot(recipes=[recipe(targets=[target(services=[service(1), service(2)])])]),
            ["build:1:linux/amd64", "release:1", "service:1", "service:2"],
            id="one release runs as several services",
        ),
        pytest.param(
            snapshot(recipes=[recipe(targets=[target(), target(2, image="acme/shop:copy", services=[])])]),
            ["build:1:linux/amd64", "release:1", "service:1", "build:2:linux/amd64", "release:2"],
            id="a branch may be published under two names",
        ),
        pytest.param(
            snapshot(ref("feature"), policy=Policy(check=False)), [], id="nothing is checked where nobody wants it"
        ),
        pytest.param(
            snapshot(ref("feature"), policy=Policy(harmless=True)), [], id="nothing is checked in harmless mode"
        ),
        pytest.param(
            snapshot(ref("live"), ref("feature", TWO), policy=Policy(harmless=True)),
            ["build:1:linux/amd64", "release:1", "service:1"],
            id="harmless mode looks at deployment branches",
        ),
        pytest.param(
            snapshot(ref("refs/tags/live")), [f"check:1:linux/amd64:{ONE}"], id="only a branch is a deployment branch"
        ),
        pytest.param(snapshot(recipes=[]), [], id="without a recipe there is nothing to do"),
    ],
)
def test_what_there_is_to_do(of: Snapshot, nodes: list[str]) -> None:
    assert list(build(of).nodes) == nodes


def test_each_waits_for_what_it_is_made_of() -> None:
    graph = build(snapshot(recipes=[recipe(platforms=["linux/amd64", "linux/arm64"])]))
    assert {id: list(node.after) for id, node in graph.nodes.items()} == {
        "build:1:linux/amd64": [],
        "build:1:linux/arm64": [],
        "release:1": ["build:1:linux/amd64", "build:1:linux/arm64"],
        "service:1": ["release:1"],
    }


def test_people_can_read_what_each_node_is() -> None:
    graph = build(snapshot(ref("live"), ref("feature", TWO)))
    assert [node.label for node in graph.nodes.values()] == [
        "release build of web on linux/amd64",
        "release of acme/shop:live",
        "service shop",
        "check build of web on linux/amd64",
    ]


def test_a_service_is_found_by_its_key() -> None:
    graph = build(snapshot(recipes=[recipe(targets=[target(services=[service(12)])])]))
    assert {id: node.id for id, node in graph.services().items()} == {12: "service:12"}


def test_each_operation_carries_the_level_that_its_plugin_gives_it() -> None:
    leveled = replace(recipe(), build_level=Level.HARMLESS, publish_level=Level.ABOVE_AVERAGE)
    graph = build(snapshot(recipes=[leveled]))
    assert [node.operation.level for node in graph.nodes.values() if node.operation] == [
        Level.HARMLESS,
        Level.ABOVE_AVERAGE,
        Level.DANGEROUS,
    ]


# Trust


@pytest.mark.parametrize(
    ("refs", "trusted"),
    [
        pytest.param([ref("refs/pull/7/head", trusted=False)], False, id="a stranger's commit is not"),
        pytest.param(
            [ref("refs/pull/7/head", trusted=True)], True, id="a pull request of somebody with write access is"
        ),
        pytest.param(
            [ref("refs/pull/7/head", trusted=False), ref("feature")], True, id="a commit that is on a branch as well is"
        ),
    ],
)
def test_a_check_build_is_as_trusted_as_the_best_of_its_refs(refs: list[RefFact], trusted: bool) -> None:
    (node,) = build(snapshot(*refs)).nodes.values()
    assert isinstance(node.operation, Build)
    assert node.operation.trusted == trusted


def test_a_check_build_knows_no_image_and_a_release_build_does() -> None:
    graph = build(snapshot(ref("live"), ref("feature", TWO)))
    builds = [node.operation for node in graph.nodes.values() if isinstance(node.operation, Build)]
    assert [(each.purpose, each.image, each.target) for each in builds] == [
        (Purpose.RELEASE, "acme/shop:live", 1),
        (Purpose.CHECK, None, None),
    ]


# Inputs


WITH_INPUT = recipe(args={"SHA": FromInput("data"), "TARGET": "hvt"})


def test_inputs_are_filled_in() -> None:
    graph = build(snapshot(recipes=[WITH_INPUT], inputs={"data": "abc", "other": "x"}))
    operation = graph.nodes["build:1:linux/amd64"].operation
    assert isinstance(operation, Build)
    assert dict(operation.args) == {"SHA": "abc", "TARGET": "hvt"}


def test_nothing_can_be_told_of_what_needs_an_input_that_was_never_read() -> None:
    both = recipe(args={"B": FromInput("two"), "A": FromInput("one"), "C": FromInput("two")})
    graph = build(snapshot(recipes=[both]))
    assert [(node.operation, list(node.missing)) for node in graph.nodes.values()] == [
        (None, ["one", "two"]),
        (None, []),
        (None, []),
    ]


@pytest.mark.parametrize(
    ("of", "moves"),
    [
        pytest.param(snapshot(recipes=[WITH_INPUT]), True, id="a release follows its inputs"),
        pytest.param(snapshot(ref("feature"), recipes=[WITH_INPUT]), False, id="a check was shown once to build"),
        pytest.param(
            snapshot(ref("feature"), recipes=[replace(WITH_INPUT, recheck=True)]),
            True,
            id="a check follows its inputs where that is asked for",
        ),
    ],
)
def test_what_is_built_again_when_an_input_moves(of: Snapshot, moves: bool) -> None:
    before, after = (build(replace(of, inputs={"data": value})).fingerprints() for value in ("old", "new"))
    assert set(before).isdisjoint(after) == moves


# What is the same


def _changed(**fields: Any) -> Callable[[RecipeFact], RecipeFact]:
    return lambda fact: replace(fact, **fields)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(_changed(definition="other"), False, id="another definition is another build"),
        pytest.param(_changed(args={"TARGET": "xen"}), False, id="another argument is another build"),
        pytest.param(_changed(id=2), False, id="another recipe is another build"),
        pytest.param(_changed(name="site"), True, id="a recipe may be renamed"),
        pytest.param(_changed(build_level=Level.DANGEROUS), True, id="the risk does not make it another"),
        pytest.param(_changed(targets=[target(image="acme/shop:new")]), False, id="another image is another build"),
        pytest.param(_changed(targets=[target(2)]), False, id="another target is another build"),
        pytest.param(_changed(targets=[target(services=[])]), True, id="the services do not matter to it"),
        pytest.param(_changed(platforms=["linux/arm64", "linux/amd64"]), True, id="nor do further platforms"),
    ],
)
def test_when_a_build_is_another(change: Callable[[RecipeFact], RecipeFact], same: bool) -> None:
    before = fingerprint(build(snapshot()), "build:1:linux/amd64")
    assert (before in build(snapshot(recipes=[change(recipe())])).fingerprints()) == same


def test_a_check_build_is_never_the_release_build_of_the_same_commit() -> None:
    released = build(snapshot(ref("live"))).fingerprints()
    assert set(released).isdisjoint(build(snapshot(ref("feature"))).fingerprints())


def test_two_branches_under_one_image_name_have_nothing_in_common() -> None:
    targets = [target(), target(2, branch="staging", services=[])]
    graph = build(snapshot(ref("live"), ref("staging"), recipes=[recipe(targets=targets)]))
    assert len(set(graph.fingerprints())) == len(graph.nodes)


def test_a_release_is_another_when_one_of_its_builds_is() -> None:
    first, second = (
        fingerprint(build(snapshot(recipes=[recipe(definition=each)])), "release:1") for each in ("one", "other")
    )
    assert first != second


def test_a_release_is_the_same_in_whatever_order_its_platforms_are_declared() -> None:
    platforms = ["linux/amd64", "linux/arm64"]
    first, second = (
        fingerprint(build(snapshot(recipes=[recipe(platforms=each)])), "release:1")
        for each in (platforms, platforms[::-1])
    )
    assert first == second


# Rollbacks

BACK = RollbackFact(id=7, away_from=TWO, release="the older release")


def rolled_back(head: str, rollback: RollbackFact = BACK) -> Snapshot:
    return snapshot(ref("live", head), recipes=[recipe(targets=[target(services=[service(rollback=rollback)])])])


def test_a_rollback_wants_the_older_release_and_waits_for_no_build() -> None:
    node = build(rolled_back(TWO)).nodes["service:1"]
    assert node.after == ()
    assert node.operation == Deploy(service=1, release="the older release", commit=TWO, request=7)
    assert node.operation.rollback


def test_the_head_is_built_and_published_while_a_rollback_holds() -> None:
    assert list(build(rolled_back(TWO)).nodes) == ["build:1:linux/amd64", "release:1", "service:1"]


def test_a_rollback_holds_only_while_the_commit_that_was_left_is_the_head() -> None:
    graph = build(rolled_back(THREE))
    deploy, publish = graph.nodes["service:1"].operation, graph.nodes["release:1"].operation
    assert isinstance(deploy, Deploy)
    assert isinstance(publish, Publish)
    assert (deploy.release, deploy.rollback) == (publish.fingerprint, False)


def test_asking_for_a_rollback_again_is_another_operation() -> None:
    first, second = (fingerprint(build(rolled_back(TWO, replace(BACK, id=id))), "service:1") for id in (7, 8))
    assert first != second


def test_a_rollback_works_even_before_the_inputs_of_the_head_are_known() -> None:
    of = rolled_back(TWO)
    waiting = replace(of, recipes=[replace(of.recipes[0], args={"SHA": FromInput("data")})])
    graph = build(waiting)
    assert graph.nodes["release:1"].operation is None
    assert graph.nodes["service:1"].operation is not None


def test_a_graph_lists_the_fingerprints_of_what_can_be_told() -> None:
    graph = build(snapshot(recipes=[WITH_INPUT, SECOND]))
    assert len(graph.nodes) == 4
    assert graph.fingerprints() == [fingerprint(graph, f"check:2:linux/amd64:{ONE}")]
    assert [node.kind for node in graph.nodes.values()] == [
        NodeKind.BUILD,
        NodeKind.RELEASE,
        NodeKind.SERVICE,
        NodeKind.CHECK,
    ]
