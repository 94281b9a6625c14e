"""Print what deployers of several sizes cost and how quick they are: `make scale`, or `make scale ARGS="--size tenth"`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.scale import report
from bench.scale.installation import environment
from bench.scale.size import SIZES
from tests.e2e.harness import ROOT


def main() -> int:
    parser = argparse.ArgumentParser(prog="make scale", description=__doc__)
    parser.add_argument("--size", nargs="+", choices=SIZES, default=["tenth", "full"], help="(default: %(default)s)")
    parser.add_argument("--database", nargs="+", choices=("sqlite", "postgresql"), default=("sqlite", "postgresql"))
    parser.add_argument("--runners", nargs="+", type=int, default=[1, 4], help="(default: %(default)s)")
    parser.add_argument(
        "--rates", default="0.5,2,4,8", help="pushes a second, one after the other (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=30, help="for which each rate is held (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there, to print it again")
    parser.add_argument(
        "--print", type=Path, metavar="FILE", help="print what was measured before, and measure nothing"
    )
    given = parser.parse_args()
    told = json.loads(given.print.read_text()) if given.print else _measure(given)
    print(report.tables(told))
    twice = sum(each["twice"] for each in told)
    if twice:
        print(f"\n{twice} jobs did what another had done: that must never be.", file=sys.stderr)
    return 1 if twice else 0


def _measure(given: argparse.Namespace) -> list[dict[str, Any]]:
    told = []
    for size in given.size:
        for database in given.database:
            for runners in given.runners:
                told.append(_one(size, database, runners, given))
                if given.json:
                    given.json.write_text(json.dumps(told, indent=1))
    return told


def _one(size: str, database: str, runners: int, given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name, environment(Path(name), SIZES[size], database) as variables:
        command = [sys.executable, "-m", "bench.scale.one", name, str(runners), given.rates, str(given.seconds)]
        done = subprocess.run(command, env=variables, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit((Path(name) / "processes.log").read_text(errors="replace")[-3000:])
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    sys.exit(main())
