"""Doing the steps of a move with a cluster that may go away in the middle of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from core.api import Context, OperationError, ServicePlace, Stalled

from .access import connect
from .client import Cluster, NotAccepted, OutOfDate
from .options import KubernetesOptions

#: Seconds that a cluster may be silent in the middle of a move.
OUTAGE = 120

Result = TypeVar("Result")


class Patience:
    """Connects anew where that helps.

    :param look: seconds between two looks at a rollout.
    """

    def __init__(self, service: ServicePlace, options: KubernetesOptions, context: Context, look: float) -> None:
        self._service = service
        self._options = options
        self._context = context
        self._look = look
        #: When the cluster was asked in vain for the first time since it answered.
        self._silent_since = 0.0
        #: Whether the move has begun: before that a cluster that does not answer is not worth any patience.
        self.worth = False

    def heard(self) -> None:
        """The cluster has answered."""
        self._silent_since = 0.0

    async def do(self, step: Callable[[Cluster], Awaitable[Result]]) -> Result:
        """Do a step; do it again, with another connection, when the cluster goes away meanwhile, or a token runs out.

        :raises OperationError: the cluster was gone for too long, or refuses.
        """
        while True:
            try:
                async with connect(self._service, self._options) as client:
                    return await step(Cluster(client))
            except NotAccepted:
                # A token that was good a moment ago has run out: the next connection has a new one, or fails at once.
                if self._silent_since or not self.worth:
                    raise
                self._silent_since = time.monotonic()
            except (Stalled, OutOfDate):
                raise
            except OperationError as error:
                if not self.worth or self._context.stopping():
                    raise
                if not self._silent_since:
                    self._silent_since = time.monotonic()
                    self._context.log.note(f"{error}; trying again for {OUTAGE} s")
                elif time.monotonic() - self._silent_since > OUTAGE:
                    raise
            await asyncio.sleep(2 * self._look)
