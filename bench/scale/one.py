"""One simulated deployer, in the environment of this process: `python -m bench.scale.one DIRECTORY RUNNERS RATE,… SECONDS`.

It prints what it measured as one line of JSON at its end.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

#: Seconds for which nothing is pushed, to see what merely looking after everything costs.
_IDLE = 60.0
#: Seconds that everything at once may take.
_COLD = 1_800.0


def main() -> None:
    import django

    django.setup()
    directory, runners, rates, seconds = sys.argv[1:5]
    told = measure(Path(directory), int(runners), [float(each) for each in rates.split(",")], float(seconds))
    print(json.dumps(told), flush=True)


def measure(directory: Path, runners: int, rates: Sequence[float], seconds: float) -> dict[str, Any]:
    """Fill the database, have everything built and deployed at once, then push at one rate after the other."""
    from bench.scale import cost, load
    from bench.scale.installation import Installation
    from bench.scale.plugin import outside
    from bench.scale.size import current

    size = current()
    services = size.services // size.repositories
    began = time.monotonic()
    _fill()
    told: dict[str, Any] = {"size": str(size), "runners": runners, "filled": time.monotonic() - began}
    told["database"] = "PostgreSQL" if os.environ.get("DEPLOYER_DATABASE_URL") else "SQLite"
    say = _teller(told)
    with Installation(directory, runners) as installation:
        outside.rush(True)
        before = _jobs()
        began = time.monotonic()
        say("everything at once …")
        told["settled"] = _settle(_COLD)
        took = time.monotonic() - began
        spent = {name: each.seconds for name, each in cost.of(installation.processes()).items()}
        told["cold"] = {"jobs": _jobs() - before, "seconds": took, "processor": spent}
        outside.rush(False)
        told["loads"], started = [], 0
        for rate in rates:
            say(f"{rate:g} pushes a second …")
            reader = load.Reader(installation.port)
            reader.start()
            pushes: list[load.Push] = []

            def work(rate: float = rate, pushes: list[load.Push] = pushes, started: int = started) -> None:
                pushes += load.push(size, rate, seconds, size.names(), started)
                load.wait(pushes, services)

            spent_now = _spent(installation.processes, work)
            started += len(pushes)
            seen = load.delay(pushes, services)
            told["loads"].append({"rate": rate, **asdict(seen), "pages": reader.end(), "cost": spent_now})
            if seen.stuck or seen.p95 > load.PATIENCE / 2:
                break
        say("idle …")
        # Last, and for a whole minute: after everything at once all services are due at the same time.
        told["idle"] = _spent(installation.processes, lambda: time.sleep(_IDLE))
        told["memory"] = {name: each.memory for name, each in cost.of(installation.processes()).items()}
    told["twice"] = _twice()
    told["bytes"] = _database_size(directory)
    return told


def _teller(told: dict[str, Any]) -> Callable[[str], None]:
    name = f"{told['database']}, {told['runners']} runners, {told['size']}"
    return lambda text: print(f"  {name}: {text}", file=sys.stderr, flush=True)


def _fill() -> None:
    from django.core.management import call_command

    from bench.scale import history
    from bench.scale.plugin import outside
    from bench.scale.size import commit, current
    from core.engine import schedules
    from core.services import declarations

    size = current()
    call_command("migrate", verbosity=0)
    for number, name in enumerate(size.names()):
        outside.push(name, {ref: commit("first", name, ref) for ref in size.refs_of(number)})
    declarations.load("scale")
    schedules.install()
    history.fill(size)
    _analyse()


def _analyse() -> None:
    from django.db import connection

    # PostgreSQL does so by itself. SQLite does not, and here would learn that no job ever waits: all are of the past.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _jobs() -> int:
    from core.models import Job

    return Job.objects.count()


def _twice() -> int:
    """How many jobs were for what another had done: never any, as nothing fails here and nobody asks."""
    from core.models import Job

    made = Job.objects.exclude(runner="gone")
    return made.count() - made.order_by().values("fingerprint").distinct().count()


def _settle(limit: float) -> bool:
    """Wait until every ref was built and every service runs something; False if that takes too long."""
    from django.db.models import F

    from core.models import Job, Ref, Repository, Service

    end = time.monotonic() + limit
    undone = (
        Service.objects.filter(current=None),
        Job.objects.active(),
        Repository.objects.filter(looked_at=None),
        Ref.objects.exclude(version=F("reconciled_version")),
    )
    while time.monotonic() < end:
        if not any(each.exists() for each in undone):
            return True
        time.sleep(0.5)
    return False


def _spent(processes: Callable[[], dict[str, list[int]]], work: Callable[[], object]) -> dict[str, float]:
    """Processors that were busy while something was done, on average, by kind of process."""
    from bench.scale import cost

    before, begin = cost.of(processes()), time.monotonic()
    work()
    after, took = cost.of(processes()), time.monotonic() - begin
    return {name: (after[name].seconds - before[name].seconds) / took for name in after}


def _database_size(directory: Path) -> int:
    from django.db import connection

    if connection.vendor == "sqlite":
        return sum(path.stat().st_size for path in (directory / "data").glob("deployer.sqlite3*"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
