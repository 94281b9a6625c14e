"""What a query costs and what it may ask for, by GitHub's "Rate limits and query limits for the GraphQL API".

Each list asks for `first` or `last`, of 1 to 100; a query may reach 500,000 nodes. A point is a hundred requests, where
a list inside of lists counts as one request for each node around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

_LIST, _NODES = 100, 500_000


@dataclass
class Price:
    """Requests that a query amounts to, nodes that it may reach, and why it is refused."""

    requests: int = 0
    nodes: int = 0
    faults: list[GraphQLError] = field(default_factory=list)

    @property
    def points(self) -> int:
        return max(1, round(self.requests / 100))


def of(query: DocumentNode, variables: Mapping[str, Any]) -> Price:
    """The price of a query."""
    fragments = {each.name.value: each for each in query.definitions if isinstance(each, FragmentDefinitionNode)}
    price = Price()
    for definition in query.definitions:
        if isinstance(definition, OperationDefinitionNode):
            _add(price, definition.selection_set, 1, fragments, variables, ())
    if price.nodes > _NODES:
        said = f"This query requests up to {price.nodes:,} possible nodes which exceeds the maximum limit of 500,000."
        price.faults.append(GraphQLError(said, extensions={"type": "MAX_NODE_LIMIT_EXCEEDED"}))
    return price


def _add(
    price: Price,
    selected: SelectionSetNode | None,
    times: int,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    inside: tuple[str, ...],
) -> None:
    for node in selected.selections if selected else ():
        inner = times
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            # One that contains itself is refused by the validation.
            if name in fragments and name not in inside:
                _add(price, fragments[name].selection_set, times, fragments, variables, (*inside, name))
            continue
        if not isinstance(node, (FieldNode, InlineFragmentNode)):
            continue
        if isinstance(node, FieldNode) and (size := _size(price, node, variables)) is not None:
            price.requests += times
            inner = times * size
            price.nodes += inner
        _add(price, node.selection_set, inner, fragments, variables, inside)


def _size(price: Price, node: FieldNode, variables: Mapping[str, Any]) -> int | None:
    """How many nodes a field asks for at most; None where it is no list. Too many are a fault."""
    for argument in node.arguments or ():
        name, value = argument.name.value, argument.value
        if name not in ("first", "last"):
            continue
        size = variables.get(value.name.value) if isinstance(value, VariableNode) else None
        size = int(value.value) if isinstance(value, IntValueNode) else size
        if size is not None:
            price.faults += _faults(node, name, size)
            return size
    return None


def _faults(node: FieldNode, name: str, size: int) -> list[GraphQLError]:
    if 1 <= size <= _LIST:
        return []
    how = (
        f"exceeds the `{name}` limit of {_LIST} records" if size > _LIST else f"is under the `{name}` limit of 1 record"
    )
    said = f"Requesting {size} records on the `{node.name.value}` connection {how}."
    return [GraphQLError(said, node, extensions={"type": "EXCESSIVE_PAGINATION"})]
