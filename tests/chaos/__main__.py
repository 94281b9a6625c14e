"""The long form of the chaos test: `python -m tests.chaos [--faults N] [--seed N] [--report FILE]`."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path

from tests.chaos.report import report
from tests.chaos.run import BrokenInvariantError, Run
from tests.chaos.world import world


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=int(os.environ.get("DEPLOYER_CHAOS_FAULTS", "200")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("DEPLOYER_CHAOS_SEED", "0")))
    parser.add_argument("--report", type=Path, default=Path("chaos-report.md"))
    parser.add_argument("--without-engine", action="store_true", help="no real Docker engine and no registry")
    asked = parser.parse_args()
    seed = asked.seed or random.randrange(1, 1 << 31)
    print(f"seed {seed}: the same faults again with --seed {seed}", flush=True)
    began = time.monotonic()
    with world(with_engine=not asked.without_engine) as made:
        run = Run(made, seed)
        try:
            run.go(asked.faults)
        except BrokenInvariantError as error:
            print(error)
            return 1
        except KeyboardInterrupt:
            print(f"stopped after {len(run.result.rounds)} faults, which broke nothing: {asked.report}")
            return 130
        finally:
            asked.report.write_text(report(run.result, time.monotonic() - began))
    print(f"nothing lost, nothing doubled: {asked.report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
