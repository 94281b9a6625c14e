"""From declaration, refs and inputs to the graph of what there is to do. Results play no part here.

commit ──> check build (recipe × platform)
       └─> release build (target × platform) ──> release (target) ──> service ──> services behind it
input ──> any build whose arguments use it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.pipeline.declaration import FromInput
from core.pipeline.facts import RecipeFact, RefFact, Snapshot, TargetFact
from core.pipeline.operations import Build, Deploy, Operation, Publish
from core.pipeline.rollout import ahead, is_canary
from core.states import Purpose


class NodeKind(StrEnum):
    CHECK = "check"
    BUILD = "build"
    RELEASE = "release"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing to do.

    :param id: the same in every evaluation: `service:12`.
    :param label: how people call it.
    :param after: the nodes that must be done before; they come before it in the graph.
    :param behind: the services of its target that move before it; they come before it in the graph as well. It is held
        back by them, and what it runs already stays as it is.
    :param operation: None while it cannot be told, because an input was never read.
    :param missing: the inputs that were never read.
    :param gates: what stands before a service, as people call it.
    :param recipe: the name of what a build builds, and `platform` what for; empty for what is no build.
    """

    id: str
    kind: NodeKind
    label: str
    commit: str
    after: Sequence[str] = ()
    behind: Sequence[str] = ()
    operation: Operation | None = None
    missing: Sequence[str] = ()
    recipe: str = ""
    platform: str = ""
    gates: Sequence[str] = ()

    @property
    def rolled_back(self) -> bool:
        """Whether it is a service that a person sent back to an older release."""
        return isinstance(self.operation, Deploy) and self.operation.rollback


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by id, in an order in which each comes after all that it needs."""

    nodes: Mapping[str, Node]

    def fingerprints(self) -> list[str]:
        return [node.operation.fingerprint for node in self.nodes.values() if node.operation]

    def services(self) -> dict[int, Node]:
        """The node of each service, by the service's id."""
        return {
            int(id.removeprefix("service:")): node for id, node in self.nodes.items() if node.kind is NodeKind.SERVICE
        }


def build(snapshot: Snapshot) -> Graph:
    """Make the graph of a snapshot. The order of refs and recipes in it changes nothing but the order of the nodes."""
    nodes: dict[str, Node] = {}
    for commit, refs in _by_commit(snapshot.refs).items():
        for recipe in snapshot.recipes:
            for node in _recipe(snapshot, recipe, commit, refs):
                nodes[node.id] = node
    return Graph(nodes)


def _by_commit(refs: Sequence[RefFact]) -> dict[str, list[RefFact]]:
    groups: dict[str, list[RefFact]] = {}
    for ref in refs:
        groups.setdefault(ref.commit, []).append(ref)
    return groups


def _recipe(snapshot: Snapshot, recipe: RecipeFact, commit: str, refs: Sequence[RefFact]) -> Iterator[Node]:
    names = {ref.ref for ref in refs}
    targets = [target for target in recipe.targets if target.ref in names]
    for target in targets:
        yield from _target(snapshot, recipe, target, commit)
    # A release build shows as well as a check build whether the commit can be deployed: nothing is built twice for it.
    if not targets and snapshot.policy.check and not snapshot.policy.harmless:
        yield from _checks(snapshot, recipe, commit, trusted=any(ref.trusted for ref in refs))


def _checks(snapshot: Snapshot, recipe: RecipeFact, commit: str, *, trusted: bool) -> Iterator[Node]:
    args, missing = _arguments(recipe, snapshot.inputs)
    for platform in recipe.platforms:
        operation = Build(
            recipe=recipe.id,
            definition=recipe.definition,
            platform=platform,
            commit=commit,
            purpose=Purpose.CHECK,
            trusted=trusted,
            args=args,
            follows_inputs=recipe.recheck,
            level=recipe.build_level,
        )
        yield Node(
            id=f"check:{recipe.id}:{platform}:{commit}",
            kind=NodeKind.CHECK,
            label=f"check build of {recipe.name} on {platform}",
            commit=commit,
            operation=None if missing else operation,
            missing=missing,
            recipe=recipe.name,
            platform=platform,
        )


def _target(snapshot: Snapshot, recipe: RecipeFact, target: TargetFact, commit: str) -> Iterator[Node]:
    args, missing = _arguments(recipe, snapshot.inputs)
    builds = {
        platform: Build(
            recipe=recipe.id,
            definition=recipe.definition,
            platform=platform,
            commit=commit,
            purpose=Purpose.RELEASE,
            trusted=True,
            args=args,
            target=target.id,
            image=target.image,
            level=recipe.build_level,
        )
        for platform in recipe.platforms
    }
    ids = [f"build:{target.id}:{platform}" for platform in builds]
    for id, (platform, operation) in zip(ids, builds.items(), strict=True):
        label = f"release build of {recipe.name} on {platform}"
        yield Node(
            id=id,
            kind=NodeKind.BUILD,
            label=label,
            commit=commit,
            operation=None if missing else operation,
            missing=missing,
            recipe=recipe.name,
            platform=platform,
        )
    fingerprints = {platform: operation.fingerprint for platform, operation in builds.items()}
    publish = Publish(
        target=target.id, image=target.image, commit=commit, builds=fingerprints, level=recipe.publish_level
    )
    release = f"release:{target.id}"
    yield Node(
        id=release,
        kind=NodeKind.RELEASE,
        label=f"release of {target.image}",
        commit=commit,
        after=ids,
        operation=None if missing else publish,
    )
    yield from _services(target, commit, release, "" if missing else publish.fingerprint)


def _services(target: TargetFact, commit: str, release: str, fingerprint: str) -> Iterator[Node]:
    for index, service in enumerate(target.services):
        rollback = service.rollback if service.rollback and service.rollback.away_from == commit else None
        wanted = rollback.release if rollback else fingerprint
        request = rollback.id if rollback else None
        deploy = Deploy(service=service.id, release=wanted, commit=commit, request=request, level=service.level)
        canary = is_canary(target.rollout, target.services, index)
        before = ahead(target.rollout, target.services, index)
        yield Node(
            id=f"service:{service.id}",
            kind=NodeKind.SERVICE,
            label=f"{'canary' if canary else 'service'} {service.name}",
            commit=commit,
            after=() if rollback else (release,),
            behind=() if rollback else [f"service:{each.id}" for each in before],
            operation=deploy if wanted else None,
            gates=service.gates,
        )


def _arguments(recipe: RecipeFact, inputs: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Fill inputs in; the second value names those that were never read."""
    args: dict[str, str] = {}
    missing = set()
    for name, value in recipe.args.items():
        if not isinstance(value, FromInput):
            args[name] = value
        elif value.name in inputs:
            args[name] = inputs[value.name]
        else:
            missing.add(value.name)
    return args, sorted(missing)
