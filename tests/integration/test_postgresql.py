"""The same promises on PostgreSQL, and those that only it can break: several processes that write at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import real
from tests.e2e.harness import ROOT

#: Claims jobs until there are none, as one of several runners that started at the same moment; says which it got.
CLAIMER = """
import sys, django; django.setup()
from tests.core import shop
got = []
while jobs := shop.claim(sys.argv[1], limit=3):
    got += [job.pk for job in jobs]
print(*got)
"""
#: Evaluates the same repository, as one of several runners that saw that it is stale.
RECONCILER = """
import sys, django; django.setup()
from core.engine.reconcile import reconcile
while reconcile(int(sys.argv[1])): pass
"""
SETUP = """
import django; django.setup()
from tests.core import shop
repository = shop.declare()
shop.look(repository, **{f"b{number}": f"c{number}" for number in range(40)})
print(repository.pk)
"""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with real.postgres() as url:
        yield url


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
        "DEPLOYER_DATABASE_URL": database,
        "DEPLOYER_DATA_DIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }


def script(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


def test_engine_and_services_keep_their_promises(environment: dict[str, str]) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/core/engine",
        "tests/core/services",
    ]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def test_runners_that_start_together_share_the_work_and_reconcile_once(environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], env=environment, cwd=ROOT, check=True, timeout=120)
    made = subprocess.run(
        script(SETUP), env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    repository = made.stdout.strip()
    together([script(RECONCILER, repository)] * 4, environment)
    answers = together([script(CLAIMER, f"runner-{number}") for number in range(4)], environment)
    claimed = [job for answer in answers for job in answer.split()]
    assert len(claimed) == 40, "each ref was reconciled once, and each job claimed"
    assert len(set(claimed)) == 40, "no job was claimed twice"


def together(commands: list[list[str]], environment: dict[str, str]) -> list[str]:
    """Run commands at the same time; what each said."""
    processes = [
        subprocess.Popen(each, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for each in commands
    ]
    answers = [process.communicate(timeout=120) for process in processes]
    for process, (_, errors) in zip(processes, answers, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [said for said, _ in answers]
