"""Graphs: what there is to do in a repository or a flavour, where each of it is, and why."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest
from ninja import Router, Schema

from core import clock
from core.engine import diagrams
from core.models import Flavour, Repository
from core.pipeline.diagram.conditions import Condition, counts
from core.pipeline.diagram.flow import Box, Edge, Flow, Kind
from core.rest.values import Name

router = Router(tags=["graphs"])


class NodeOut(Schema):
    """One thing to do, a commit, or the `more` refs that are left out. `reason` is empty for what is `done`.

    `job` is the one that the state was read from; `page` is where people find more; `gates` stand before a service.
    """

    id: str
    kind: Kind
    label: str
    detail: str
    state: Condition
    reason: str
    commit: str
    job: int | None
    page: str
    gates: list[str]

    @staticmethod
    def resolve_state(box: Box) -> Condition:
        return box.condition


class EdgeOut(Schema):
    """`after` comes after `before`: it is made of it or, where `held`, held back by it."""

    before: str
    after: str
    held: bool


class CountOut(Schema):
    """How many nodes are in a state."""

    state: Condition
    count: int


class GraphOut(Schema):
    """A repository's graph: each node comes after all those that it needs. Counts are those of what is to be done,
    the worst state first.

    Of refs that no target follows only those are here that something is on its way for, or that broke lately.
    `trouble` says why its source could not be looked at; empty where it could.
    """

    repository: int
    name: str
    state: Condition
    trouble: str
    counts: list[CountOut]
    nodes: Sequence[NodeOut]
    edges: Sequence[EdgeOut]

    @staticmethod
    def resolve_state(flow: Flow) -> Condition:
        return flow.worst

    @staticmethod
    def resolve_counts(flow: Flow) -> list[dict[str, object]]:
        return [{"state": state, "count": count} for state, count in counts(flow.conditions)]

    @staticmethod
    def resolve_nodes(flow: Flow) -> Sequence[Box]:
        return flow.boxes

    @staticmethod
    def resolve_edges(flow: Flow) -> Sequence[Edge]:
        return flow.edges


@router.get("/repositories/{int:id}/graph", response=GraphOut, summary="What there is to do in it, and where that is")
def repository_graph(request: HttpRequest, id: int) -> Flow:
    return diagrams.of_repository(Repository.objects.select_related("flavour").get(pk=id), clock.now())


@router.get("/flavours/{name}/graph", response=list[GraphOut], summary="The graphs of its repositories, by name")
def flavour_graph(request: HttpRequest, name: Name) -> list[Flow]:
    return diagrams.of_flavour(Flavour.objects.get(name=name), clock.now())
