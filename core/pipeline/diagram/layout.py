"""Where each box stands: layers from left to right, blocks from top to bottom, nothing over anything else.

A block is what hangs together below one commit: mostly a target with its builds, release and services, or one check
build. Every layer of a block is as high as it has boxes, and stands in the middle of its block.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.pipeline.diagram.flow import Box, Edge, Flow, Kind
from core.pipeline.diagram.text import plain, width

#: Pixels.
HEIGHT, GAP, BLOCK_GAP, COMMIT_GAP = 40, 8, 14, 20
#: Of a box with a single line.
_LOW = 20
#: Between two layers, where the edges are.
CHANNEL = 36
NARROWEST, WIDEST = 96, 250
LABEL_SIZE, DETAIL_SIZE = 13, 11
#: The sign in front of the text, and what is left free on the other side.
TEXT_LEFT, TEXT_RIGHT = 32, 10

_FIRST_LAYER = {Kind.COMMIT: 0, Kind.MORE: 0, Kind.CHECK: 1, Kind.BUILD: 1, Kind.RELEASE: 2, Kind.SERVICE: 3}


@dataclass(frozen=True, slots=True)
class Placed:
    """A box and its rectangle, in pixels from the top left."""

    box: Box
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge, from the right side of one box to the left side of another."""

    edge: Edge
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Layout:
    """All of a diagram, and the room it takes."""

    placed: Sequence[Placed]
    wires: Sequence[Wire]
    width: int
    height: int


def layers(flow: Flow) -> dict[str, int]:
    """The layer of each box: at least that of its kind, and to the right of all that it comes after."""
    before: dict[str, list[str]] = {}
    for edge in flow.edges:
        before.setdefault(edge.after, []).append(edge.before)
    found: dict[str, int] = {}
    for box in flow.boxes:
        behind = [found[each] + 1 for each in before.get(box.id, ()) if each in found]
        found[box.id] = max([_FIRST_LAYER[box.kind], *behind])
    return found


def columns(flows: Iterable[Flow]) -> list[int]:
    """How wide each layer has to be for all of some diagrams, so that they stand in line."""
    needed: dict[int, float] = {}
    for flow in flows:
        layer = layers(flow)
        for box in flow.boxes:
            needed[layer[box.id]] = max(needed.get(layer[box.id], 0), _wanted(box))
    return [round(min(max(needed.get(each, 0), NARROWEST), WIDEST)) for each in range(max(needed, default=-1) + 1)]


def _wanted(box: Box) -> float:
    lines = width(plain(box.label), LABEL_SIZE, bold=True), width(plain(box.detail), DETAIL_SIZE)
    return TEXT_LEFT + max(lines) + TEXT_RIGHT + 1


def arrange(flow: Flow, widths: Sequence[int] | None = None) -> Layout:
    """Place a diagram's boxes and edges.

    :param widths: of its layers (`columns`), where it stands in line with others.
    """
    widths = columns([flow]) if widths is None else widths
    layer = layers(flow)
    left = [sum(widths[:each]) + CHANNEL * each for each in range(len(widths))]
    tops: dict[str, float] = {}
    y = 0.0
    for head, blocks in _commits(flow):
        start = y
        for block in blocks:
            y = _stack(block, layer, tops, y) + BLOCK_GAP
        bottom = max(y - BLOCK_GAP if blocks else y, start + HEIGHT if head else start)
        if head:
            tops[head.id] = start + (bottom - start - HEIGHT) / 2
        y = bottom + COMMIT_GAP
    placed = [
        Placed(box, left[layer[box.id]], round(tops[box.id]), widths[layer[box.id]], _tall(box)) for box in flow.boxes
    ]
    right = max((each.x + each.width for each in placed), default=0)
    return Layout(placed, _wires(flow.edges, placed), right, round(y - COMMIT_GAP) if placed else 0)


def _stack(block: Sequence[Box], layer: Mapping[str, int], tops: dict[str, float], y: float) -> float:
    """Place a block with its top at `y`; its bottom."""
    by_layer: dict[int, list[Box]] = {}
    for box in block:
        by_layer.setdefault(layer[box.id], []).append(box)
    highest = max(map(_high, by_layer.values()))
    for boxes in by_layer.values():
        top = y + (highest - _high(boxes)) / 2
        for index, box in enumerate(boxes):
            tops[box.id] = top + index * (HEIGHT + GAP)
    return y + highest


def _high(boxes: Sequence[Box]) -> int:
    return sum(_tall(box) + GAP for box in boxes) - GAP


def _tall(box: Box) -> int:
    return _LOW if box.kind is Kind.MORE else HEIGHT


def _commits(flow: Flow) -> list[tuple[Box | None, list[list[Box]]]]:
    """Each commit's box with the blocks below it, in the order in which they come; None for what has no commit."""
    heads = {box.commit: box for box in flow.boxes if box.kind is Kind.COMMIT}
    members: dict[str, list[Box]] = {}
    for box in flow.boxes:
        below = members.setdefault(box.commit, [])
        if box.kind is not Kind.COMMIT:
            below.append(box)
    return [(heads.get(commit), _blocks(boxes, flow.edges)) for commit, boxes in members.items()]


def _blocks(boxes: Sequence[Box], edges: Iterable[Edge]) -> list[list[Box]]:
    """The boxes that hang together, each group in the order in which they come."""
    root = {box.id: box.id for box in boxes}

    def find(id: str) -> str:
        while root[id] != id:
            root[id] = id = root[root[id]]
        return id

    for edge in edges:
        if edge.before in root and edge.after in root:
            root[find(edge.after)] = find(edge.before)
    blocks: dict[str, list[Box]] = {}
    for box in boxes:
        blocks.setdefault(find(box.id), []).append(box)
    return list(blocks.values())


def _wires(edges: Iterable[Edge], placed: Iterable[Placed]) -> list[Wire]:
    at = {each.box.id: each for each in placed}
    wires = []
    for edge in edges:
        if edge.before in at and edge.after in at:
            one, other = at[edge.before], at[edge.after]
            middle = one.y + one.height // 2, other.y + other.height // 2
            wires.append(Wire(edge, one.x + one.width, middle[0], other.x, middle[1]))
    return wires
