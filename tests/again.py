"""A test of whole processes or of an engine that fails is run once more, and what the first run said is told all the same.

Such a test gives programs, engines and a browser so many seconds for what takes them one; on a machine that stands still for
a while it fails for that alone. Whatever is told here is worth a look: what passes at the second time may be a race of ours.
The invariants under chaos have no second time: once lost or doubled is a fault.
"""

from __future__ import annotations

import pytest

#: Where tests start whole installations, each of several processes; the longest ones come first.
WHOLE = tuple(f"tests/{each}/" for each in ("integration", "docs", "e2e", "examples", "hosting"))


def marked(items: list[pytest.Item]) -> None:
    """Have them run once more where they fail."""
    for item in items:
        if item.nodeid.startswith(WHOLE) or "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the failures of those that were run once more."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"at first: {report.nodeid}", "-", yellow=True)
        terminalreporter.line(report.longreprtext)
        for title, text in report.sections:
            terminalreporter.section(title, "-")
            terminalreporter.line(text)
