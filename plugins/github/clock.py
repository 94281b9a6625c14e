"""GitHub's clock, by the dates of its answers: this host's own may be wrong."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

#: Seconds of difference that are nobody's fault: an answer's date has no fractions, and takes its time to arrive.
TOLERANCE = 30.0


class Clock:
    """Tells GitHub's time, once it has seen an answer."""

    def __init__(self) -> None:
        #: Seconds by which GitHub's clock is ahead of this host's.
        self.ahead = 0.0

    def saw(self, date: str | None) -> None:
        """Learn from an answer's `Date`."""
        try:
            then = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        self.ahead = then - time.time()

    def now(self) -> float:
        """GitHub's time, as a Unix time."""
        return time.time() + (self.ahead if self.wrong else 0.0)

    @property
    def wrong(self) -> bool:
        """Whether this host's clock and GitHub's differ by more than it takes to answer."""
        return abs(self.ahead) > TOLERANCE
