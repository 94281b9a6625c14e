"""What a run has shown, for people."""

from __future__ import annotations

from collections import defaultdict

from tests.chaos.run import Result


def report(result: Result, seconds: float) -> str:
    """A run as Markdown: how many faults of each kind there were, and how long all took to come right."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    for row in result.rounds:
        took[row.kind].append(row.seconds)
    lines = [
        (
            f"Seed {result.seed}: {len(result.rounds)} faults in {seconds / 60:.0f} minutes; {result.jobs} jobs, "
            f"{result.moves} moves of services, {result.refused} refused because somebody else had moved, "
            f"{result.calls} calls of the API in {result.tries} tries, {result.told} messages told."
        ),
        "",
        "| fault | how many | right again after, at most | in the middle |",
        "|---|--:|--:|--:|",
    ]
    for kind, all in sorted(took.items()):
        lines.append(f"| {kind} | {len(all)} | {max(all):.1f} s | {sorted(all)[len(all) // 2]:.1f} s |")
    ended = ", ".join(f"{name} {count}" for name, count in result.ends.items() if count)
    lines += ["", f"Processes that ended by themselves: {ended or 'none'}."]
    return "\n".join(lines) + "\n"
