"""Signs and colours: each condition has a shape of its own, a line of its own and a colour that those who see few colours
can tell from the others (after Okabe and Ito). The colours here are those for a picture alone, on white; in a page, and
where the reader wants it dark, a style sheet (`deployer/diagram.css`) has the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.pipeline.diagram.conditions import Condition

PAPER, INK, DIM, LINE, SHADE = "#ffffff", "#1c2430", "#5d6878", "#b4bdc8", "#f5f7f9"

COLOURS: Mapping[Condition, str] = {
    Condition.FAILED: "#b84300",
    Condition.UNWELL: "#a8447f",
    Condition.RUNNING: "#0072b2",
    Condition.WAITING: "#8f6200",
    Condition.BLOCKED: "#5d6878",
    Condition.CANCELLED: "#5d6878",
    Condition.DONE: "#00785a",
}

#: Drawn by a pen of width 2 in a square of 14, so that they look the same whatever fonts there are.
SIGNS: Mapping[Condition, str] = {
    Condition.FAILED: "M3 3l8 8M11 3l-8 8",
    Condition.UNWELL: "M7 2l5.5 10h-11zM7 6v2.5M7 10v.5",
    Condition.RUNNING: "M4 2.5l7 4.5-7 4.5z",
    Condition.WAITING: "M2 7h.6M6.7 7h.6M11.4 7h.6",
    Condition.BLOCKED: "M4.5 3v8M9.5 3v8",
    Condition.CANCELLED: "M7 2a5 5 0 1 0 .01 0zM3.6 10.4l6.8-6.8",
    Condition.DONE: "M2 7.5l3.5 3.5L12 3.5",
}
#: Filled, and not drawn as a line alone.
FILLED = frozenset({Condition.RUNNING})

#: What has not happened has a broken line around it.
DASHES: Mapping[Condition, str] = {Condition.WAITING: "5 3", Condition.BLOCKED: "2 3", Condition.CANCELLED: "2 3"}
