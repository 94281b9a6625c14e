"""Whatever breaks, nothing is lost and nothing is doubled. `make chaos` is the long form."""

from __future__ import annotations

import os

import pytest

from tests.chaos.report import report
from tests.chaos.run import Run
from tests.chaos.world import world

#: Faults of the short form: one of each kind.
FAULTS = int(os.environ.get("DEPLOYER_CHAOS_FAULTS", "9"))
SEED = int(os.environ.get("DEPLOYER_CHAOS_SEED", "2026"))


@pytest.mark.timeout(FAULTS * 120 + 300)
def test_nothing_is_lost_and_nothing_is_doubled_whatever_breaks() -> None:
    with world() as made:
        result = Run(made, SEED).go(FAULTS)
    assert len(result.rounds) == FAULTS
    assert result.moves, "nothing was ever deployed"
    print(report(result, 0))
