"""What was measured, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.scale.size import Size

_MEGA = 1024 * 1024


def tables(told: Sequence[dict[str, Any]]) -> str:
    """All of it."""
    parts = []
    for size in dict.fromkeys(each["size"] for each in told):
        same = [each for each in told if each["size"] == size]
        parts += [f"### {Size.parse(size).title}", _whole(same), _loads(same)]
    return "\n\n".join(parts)


def _whole(told: Sequence[dict[str, Any]]) -> str:
    head = ("", "everything at once", "jobs/s", "idle: processors", "memory", "database")
    return _table(
        head, ([_name(each), *_at_once(each), _busy(each["idle"]), _memory(each), _size(each)] for each in told)
    )


def _at_once(each: dict[str, Any]) -> tuple[str, str]:
    cold = each["cold"]
    over = "" if each["settled"] else " (not all)"
    return f"{cold['jobs']:,} jobs in {cold['seconds']:.0f} s{over}", f"{cold['jobs'] / cold['seconds']:.0f}"


def _memory(each: dict[str, Any]) -> str:
    return ", ".join(f"{name} {size / _MEGA:.0f} MB" for name, size in each["memory"].items())


def _size(each: dict[str, Any]) -> str:
    return f"{each['bytes'] / _MEGA:.0f} MB"


def _loads(told: Sequence[dict[str, Any]]) -> str:
    head = (
        "", "pushes/s", "deployments/s", "beyond the work: p50", "p95", "worst", "seen, p95", "claimed, p95",
        "not live", "pages: p50, p95", "processors",
    )  # fmt: skip
    return _table(head, (_load(each, load) for each in told for load in each["loads"]))


def _load(each: dict[str, Any], load: dict[str, Any]) -> list[str]:
    size = Size.parse(each["size"])
    times = [f"{load[name]:.2f} s" for name in ("p50", "p95", "worst", "seen", "claimed")]
    pages = ", ".join(f"{seconds * 1000:.0f} ms" for seconds in load["pages"])
    moves = load["rate"] * (size.services // size.repositories)
    return [_name(each), f"{load['rate']:g}", f"{moves:g}", *times, str(load["stuck"]), pages, _busy(load["cost"])]


def _name(each: dict[str, Any]) -> str:
    return f"{each['database']}, {each['runners']} {'runner' if each['runners'] == 1 else 'runners'}"


def _busy(cost: dict[str, float]) -> str:
    return ", ".join(f"{name} {busy:.2f}" for name, busy in cost.items() if busy >= 0.005)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
