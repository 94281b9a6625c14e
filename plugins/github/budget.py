"""How many questions GitHub still answers, and how slowly they have to be asked. Pure.

GitHub gives a number of points for each hour ("Rate limits for the REST API", "Rate limits and query limits for the
GraphQL API"). What is spent faster than the hour goes by is spent more slowly; a part is kept for what somebody waits
for: a push that a webhook told of, a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: The part of the points that polling leaves alone, and the part from which on it slows down.
_RESERVE, _CAREFUL = 0.05, 0.5
#: Seconds between regular looks, which are drawn out.
_POLL = 120.0
#: Seconds in which GitHub gives points anew.
_WINDOW = 3600.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of one kind of points. `reset` is a Unix time by GitHub's clock."""

    limit: int
    remaining: int
    reset: float

    def pause(self, now: float) -> float:
        """Seconds for which not to poll; 0 where the regular interval is slow enough.

        :param now: by GitHub's clock.
        """
        left = self.reset - now
        share = self.remaining / max(self.limit, 1)
        if left <= 0 or share >= min(_CAREFUL, left / _WINDOW):
            return 0
        if share <= _RESERVE:
            return left
        return min(_POLL * (left / _WINDOW) / (share - _RESERVE), left)

    def empty(self, now: float) -> bool:
        """Whether the next question would be refused."""
        return self.remaining <= 0 and self.reset > now


def read(headers: Mapping[str, str]) -> tuple[str, Budget] | None:
    """The kind of points and what is left of them, as each answer tells in its headers; None where it does not."""
    try:
        budget = Budget(
            int(headers["x-ratelimit-limit"]),
            int(headers["x-ratelimit-remaining"]),
            float(headers["x-ratelimit-reset"]),
        )
    except (KeyError, ValueError):
        return None
    return headers.get("x-ratelimit-resource", "core"), budget
