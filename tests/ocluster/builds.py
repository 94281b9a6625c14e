"""A build that a test submits, and what was heard of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Self

from core.testing.logs import RecordingLog
from ocluster.client import Client
from ocluster.submission import Submission

#: What is built where a test does not mind.
SUBMISSION = Submission(
    pool="linux-x86_64", repository="https://git.example/shop.git", commits=("a" * 40,), dockerfile="Dockerfile"
)


class Build:
    """One build, as a runner has it.

    :param waits: every sentence that it was told while it waited, with the empty one of its start.
    """

    def __init__(self, client: Client, **changes: Any) -> None:
        self.log = RecordingLog()
        self.waits: list[str] = []
        self._told = asyncio.Event()
        self.task = asyncio.create_task(client.build(replace(SUBMISSION, **changes), self.log, self._hear))

    def _hear(self, reason: str) -> None:
        self.waits.append(reason)
        self._told.set()

    async def heard(self, words: str) -> Self:
        """Once it is told a sentence with these words."""
        async with asyncio.timeout(30):
            while not any(words in reason for reason in self.waits):
                self._told.clear()
                await self._told.wait()
        return self

    async def started(self) -> Self:
        """Once it is being built."""
        async with asyncio.timeout(30):
            while "" not in self.waits:
                self._told.clear()
                await self._told.wait()
        return self

    async def ended(self) -> str:
        """Its output, or what went wrong as an exception."""
        async with asyncio.timeout(30):
            return await self.task
