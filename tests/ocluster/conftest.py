"""A scheduler that speaks the real protocol, and our client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ocluster.client import Client
from tests.ocluster_server.fixtures import scheduler
from tests.ocluster_server.scheduler import Scheduler

__all__ = ["client", "scheduler"]


@pytest.fixture
async def client(scheduler: Scheduler) -> AsyncIterator[Client]:
    """A client that tries again at once, as tests have no ten seconds."""
    client = Client(scheduler.capability_file, "DEPLOYER_OCLUSTER_SUBMISSION", retry=0.2)
    yield client
    await client.close()
