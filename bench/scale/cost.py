"""What processes cost: processor time and memory, by what they are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """
    :param seconds: of a processor, since the processes began.
    :param memory: their proportional share of memory, in bytes.
    """

    seconds: float
    memory: int


def of(groups: Mapping[str, Sequence[int]]) -> dict[str, Cost]:
    """The cost of groups of processes, each with all its descendants."""
    children = _children()
    return {name: _cost([each for root in roots for each in _tree(root, children)]) for name, roots in groups.items()}


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(int(entry.name))
    return found


def _tree(root: int, children: Mapping[int, Sequence[int]]) -> list[int]:
    return [root, *(each for child in children.get(root, ()) for each in _tree(child, children))]


def _cost(processes: Sequence[int]) -> Cost:
    """proc(5): utime, stime and those of children that ended are fields 14 to 17 of stat, in ticks; Pss is in KiB."""
    ticks = memory = 0
    for process in processes:
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
        memory += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return Cost(ticks / _TICK, memory)
