"""What is kept while GitHub is talked to: connections, tokens, what is left of the points. One for each event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from core.api import Fact
from plugins.github import api, settings
from plugins.github.api import Api
from plugins.github.budget import Budget
from plugins.github.clock import Clock
from plugins.github.credentials import Credentials
from plugins.github.lookup import Lookup

#: The part of the points under which people are warned.
_FEW = 0.1


class Session:
    """One GitHub, and as whom it is asked."""

    def __init__(self) -> None:
        self.server = settings.server()
        self.clock = Clock()
        self._client = api.connect()
        self.credentials = Credentials(self._client, self.server, self.clock)
        self._lookups: dict[Api, Lookup] = {}

    def lookup(self, api: Api) -> Lookup:
        """What gathers the looks that are asked as one."""
        return self._lookups.setdefault(api, Lookup(api))

    def facts(self) -> Sequence[Fact]:
        """What people should know of it now."""
        return [*self._points(), *self._clock_is_wrong()]

    def _points(self) -> Sequence[Fact]:
        return [
            _points(each.who, kind, budget)
            for each in self.credentials.apis
            for kind, budget in sorted(each.budgets.items())
        ]

    def _clock_is_wrong(self) -> Sequence[Fact]:
        if not self.clock.wrong:
            return []
        by, how = abs(self.clock.ahead), "behind" if self.clock.ahead > 0 else "ahead of"
        text = f"this host's is {by / 60:.1f} minutes {how} {self.server.host}'s; set it right (NTP)"
        return [Fact(label="clock", text=text, warning=True)]


def _points(who: str, kind: str, budget: Budget) -> Fact:
    # In twentieths: people are not told of every question.
    left = budget.remaining / max(budget.limit, 1)
    until = datetime.fromtimestamp(budget.reset, UTC)
    text = f"about {round(left * 20) * 5} % of {budget.limit:,} points left until {until:%H:%M} UTC"
    numbers = {"rate_limit": budget.limit, "rate_limit_remaining": budget.remaining, "rate_limit_reset": budget.reset}
    return Fact(label=f"{kind}, {who}", text=text, warning=left < _FEW, numbers=numbers)


_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, Session] = WeakKeyDictionary()


def current() -> Session:
    """The session of the running event loop.

    :raises ConfigurationError: a setting is wrong.
    """
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _sessions[loop] = Session()
    return _sessions[loop]


def of_this_loop() -> Session | None:
    """The session of the running event loop, if anything was asked on it."""
    try:
        return _sessions.get(asyncio.get_running_loop())
    except RuntimeError:
        return None
