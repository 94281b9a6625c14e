"""Diagrams as SVG: every box a link with its sentence. Nothing in it needs a script, a style or another file.

It is drawn in attributes, which a style sheet may overrule by the classes: `box`, `wire`, `group`, and the conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.pipeline.diagram.conditions import BROKEN, Condition, counts
from core.pipeline.diagram.flow import Flow, Kind
from core.pipeline.diagram.layout import (
    CHANNEL,
    DETAIL_SIZE,
    LABEL_SIZE,
    TEXT_LEFT,
    TEXT_RIGHT,
    Layout,
    Placed,
    Wire,
    arrange,
    columns,
)
from core.pipeline.diagram.signs import COLOURS, DASHES, DIM, FILLED, INK, LINE, PAPER, SHADE, SIGNS
from core.pipeline.diagram.text import escape, fit, width

_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
#: Around a picture that stands alone; inside there is always room for the line of a focus.
_MARGIN, _EDGE = 16, 4
#: The heading of a group, what is between groups, and what a group's boxes are moved in.
_HEADING, _AFTER_HEADING, _AFTER_GROUP, _INDENT = 32, 8, 18, 12
_NARROWEST = 640
#: The least room for which a reason is begun in a heading.
_REASON = 120


@dataclass(frozen=True, slots=True)
class Group:
    """A repository's diagram among others. `toggle` is the address that opens it, or closes it where it is open."""

    flow: Flow
    open: bool
    toggle: str


def repository(flow: Flow, *, label: str, stylesheet: str | None = None) -> str:
    """A repository's diagram.

    :param label: what the picture shows, in a few words.
    :param stylesheet: for a picture that stands alone: the address of its style sheet, which may be empty. None for one
        within a page.
    """
    layout = arrange(flow)
    return _whole(_boxes(layout), layout.width, layout.height, label, stylesheet)


def flavour(groups: Sequence[Group], *, label: str, stylesheet: str | None = None) -> str:
    """The diagrams of many repositories under one another, the closed ones as a line each. Parameters as above."""
    opened = [each.flow for each in groups if each.open]
    widths = columns(opened)
    wide = max(sum(widths) + CHANNEL * max(len(widths) - 1, 0) + _INDENT, _NARROWEST)
    parts: list[str] = []
    y = 0
    for group in groups:
        parts.append(f'<g class="group {group.flow.worst}" transform="translate(0 {y})">')
        parts += _heading(group, wide)
        y += _HEADING
        if group.open and group.flow.boxes:
            layout = arrange(group.flow, widths)
            parts.append(f'<g transform="translate({_INDENT} {_HEADING + _AFTER_HEADING})">')
            parts += _boxes(layout)
            parts.append("</g>")
            y += _AFTER_HEADING + layout.height + _AFTER_GROUP
        else:
            y += _AFTER_HEADING
        parts.append("</g>")
    return _whole(parts, wide, max(y - _AFTER_HEADING, 0), label, stylesheet)


def _whole(parts: Iterable[str], wide: int, high: int, label: str, stylesheet: str | None) -> str:
    alone = stylesheet is not None
    margin = _MARGIN if alone else _EDGE
    width, height = wide + 2 * margin, high + 2 * margin
    head = []
    if alone:
        head.append('<?xml version="1.0" encoding="UTF-8"?>\n')
        if stylesheet:
            head.append(f'<?xml-stylesheet type="text/css" href="{escape(stylesheet)}"?>\n')
    space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
    head.append(
        f'<svg{space} class="diagram{" alone" if alone else ""}" role="group" aria-label="{escape(label)}" '
        f'width="{width}" height="{height}" viewBox="{-margin} {-margin} {width} {height}" '
        f'font-family="{escape(_FONT)}" font-size="{LABEL_SIZE}" fill="{INK}">'
    )
    if alone:
        head.append(f"<title>{escape(label)}</title>")
        head.append(
            f'<rect class="paper" x="{-margin}" y="{-margin}" width="{width}" height="{height}" fill="{PAPER}"/>'
        )
    return "".join([*head, *parts, "</svg>"])


def _boxes(layout: Layout) -> Iterator[str]:
    for wire in layout.wires:
        yield _wire(wire)
    for placed in layout.placed:
        yield from _box(placed)


def _wire(wire: Wire) -> str:
    """A curve whose ends are level; one that only holds back is broken."""
    middle = wire.x2 - CHANNEL / 2
    path = f"M{wire.x1} {wire.y1}H{wire.x2 - CHANNEL}C{middle:g} {wire.y1} {middle:g} {wire.y2} {wire.x2} {wire.y2}"
    held = ' stroke-dasharray="4 3"' if wire.edge.held else ""
    return f'<path class="wire" d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5"{held}/>'


def _box(placed: Placed) -> Iterator[str]:
    box, room = placed.box, placed.width - TEXT_LEFT - TEXT_RIGHT
    sentence = escape(box.sentence if box.kind is not Kind.MORE else box.what)
    yield (
        f'<a id="at-{escape(box.id)}" class="node {box.kind} {box.condition}" href="{escape(box.page)}" '
        f'transform="translate({placed.x} {placed.y})"><title>{sentence}</title>'
    )
    if box.kind is Kind.MORE:
        yield _line(box.label, 10, 14, placed.width - 20, DETAIL_SIZE, fill=DIM, classes="detail")
        yield "</a>"
        return
    colour = COLOURS[box.condition]
    dashes = f' stroke-dasharray="{DASHES[box.condition]}"' if box.condition in DASHES else ""
    thick = 2 if box.condition in BROKEN or box.condition is Condition.RUNNING else 1.25
    # Refs are round, so that they are told from what is done with them.
    yield (
        f'<rect class="box" width="{placed.width}" height="{placed.height}" '
        f'rx="{placed.height // 2 if box.kind is Kind.COMMIT else 6}" '
        f'fill="{PAPER}" stroke="{colour}" stroke-width="{thick}"{dashes}/>'
    )
    yield _sign(box.condition, 11, 13)
    yield _line(box.label, TEXT_LEFT, 17, room, LABEL_SIZE, bold=True, classes="label")
    yield _line(box.detail, TEXT_LEFT, 32, room, DETAIL_SIZE, fill=DIM, classes="detail")
    yield "</a>"


def _sign(condition: Condition, x: float, y: float) -> str:
    colour = COLOURS[condition]
    fill = colour if condition in FILLED else "none"
    return (
        f'<path class="sign {condition}" d="{SIGNS[condition]}" transform="translate({x:g} {y:g})" fill="{fill}" '
        f'stroke="{colour}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _line(
    text: str, x: float, y: float, room: float, size: int, *, bold: bool = False, fill: str = "", classes: str = ""
) -> str:
    colour = f' fill="{fill}"' if fill else ""
    weight = ' font-weight="600"' if bold else ""
    shown = escape(fit(text, room, size, bold=bold))
    return f'<text class="{classes}" x="{x:g}" y="{y:g}" font-size="{size}"{weight}{colour}>{shown}</text>'


def _heading(group: Group, wide: int) -> Iterator[str]:
    """A line for the repository: its name, how many of it are how, and where nothing is shown below, what is wrong."""
    flow, middle = group.flow, _HEADING // 2 + 5
    found = counts(flow.conditions)
    told = ", ".join(f"{count} {condition.words}" for condition, count in found) or "nothing to do"
    verb = "Close" if group.open else "Open"
    reason = flow.trouble or _reason(flow)
    sentence = escape(f"{verb} {flow.name}: {told}{f'. {reason}' if reason else ''}")
    yield (
        f'<a id="at-toggle:{flow.repository}" class="toggle calm" href="{escape(group.toggle)}" '
        f'aria-expanded="{"true" if group.open else "false"}" aria-label="{sentence}"><title>{sentence}</title>'
        f'<rect class="bar" width="{wide}" height="{_HEADING}" rx="6" fill="{SHADE}"/>'
        f'<path class="chevron" d="{"M11 13l5 5 5-5" if group.open else "M13 11l5 5-5 5"}" fill="none" stroke="{DIM}" '
        f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></a>'
    )
    name = fit(flow.name, 260, LABEL_SIZE, bold=True)
    yield (
        f'<a id="at-repository:{flow.repository}" class="name" href="{escape(flow.page)}">'
        f"<title>{escape(flow.name)}</title>{_line(name, 30, middle, 300, LABEL_SIZE, bold=True, classes='label')}</a>"
    )
    x = 30 + width(name, LABEL_SIZE, bold=True) + 16
    yield '<g class="counts" pointer-events="none" aria-hidden="true">'
    for condition, count in found:
        yield _sign(condition, round(x), 9)
        yield _line(str(count), round(x + 19), middle, 60, LABEL_SIZE, classes=f"count {condition}")
        x += 19 + width(str(count), LABEL_SIZE) + 12
    if reason and (flow.trouble or not group.open) and wide - x > _REASON:
        yield _line(reason, round(x + 4), middle, wide - x - 16, DETAIL_SIZE, fill=DIM, classes="detail")
    yield "</g>"


def _reason(flow: Flow) -> str:
    """What is said of the worst in it."""
    worst = flow.worst
    if worst is Condition.DONE:
        return ""
    found = (box for box in flow.boxes if box.condition is worst and box.kind is not Kind.COMMIT and box.reason)
    return next((box.reason for box in found), "")
