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
#: Of the engine's tests those in which the database decides nothing, and which take their time.
ELSEWHERE = ("diagnosis", "full_disk", "probing", "rollouts_run", "soak")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One with our tables."""
    with real.postgres() as url:
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(migrate, env=_variables(url, tmp_path_factory.mktemp("data")), cwd=ROOT, check=True, timeout=300)
        yield url


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return _variables(database, tmp_path)


def _variables(database: str, data: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
        "DEPLOYER_DATABASE_URL": database,
        "DEPLOYER_DATA_DIR": str(data),
        "PYTHONPATH": str(ROOT),
    }


def script(text: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", text, *map(str, arguments)]


def said_by(text: str, environment: dict[str, str]) -> str:
    """What a script says that ends well."""
    done = subprocess.run(
        script(text), env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.timeout(1260)
def test_engine_and_services_keep_their_promises(environment: dict[str, str]) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *(f"--ignore=tests/core/engine/test_{each}.py" for each in ELSEWHERE),
        "tests/core/engine",
        "tests/core/services",
        "tests/security/test_audit.py",
    ]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout[-5000:]


def test_runners_that_start_together_share_the_work_and_reconcile_once(environment: dict[str, str]) -> None:
    repository = said_by(SETUP, environment)
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
    answers = [process.communicate(timeout=240) for process in processes]
    for process, (_, errors) in zip(processes, answers, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [said for said, _ in answers]


#: Approves, and goes back, as one of several people who press the same button at the same moment; says what came of it.
PERSON = """
import sys, django; django.setup()
from django.contrib.auth.models import User
from core.errors import RefusedError
from core.models import Job, Release, Service
from core.services import approvals, requests
user, _ = User.objects.get_or_create(username=sys.argv[1])
sys.stdin.readline()
def press(action):
    try: action(); return "done"
    except RefusedError as error: return str(error)
service = Service.objects.get(name="twice")
print(press(lambda: approvals.approve(Job.objects.get(title="pressed"), user)))
print(press(lambda: requests.roll_back(service, Release.objects.get(image="old"), user, reason="slow")))
"""
PRESSED = """
import django; django.setup()
from tests import factories
service = factories.make_service("twice")
repository = service.target.recipe.repository
factories.make_ref(commit=factories.make_commit(repository=repository))
factories.make_release(target=service.target, image="old")
factories.make_job(title="pressed", repository=repository)
"""


def test_of_people_who_press_the_same_button_at_once_one_does_it(environment: dict[str, str]) -> None:
    said_by(PRESSED, environment)
    people = [
        subprocess.Popen(
            script(PERSON, name), env=environment, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("ann", "bob", "cid")
    ]
    for person in people:
        assert person.stdin
        person.stdin.write("now\n")
        person.stdin.flush()
    approvals, rollbacks = zip(*(person.communicate(timeout=180)[0].splitlines() for person in people), strict=True)
    for said in (approvals, rollbacks):
        assert said.count("done") == 1, said
        assert all("already, by" in each for each in said if each != "done"), said


#: Its own clock is an hour ahead, as is that of whatever reads it.
STEPPED = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
right = timezone.now
timezone.now = lambda: right() + timedelta(hours=1)
from core import clock
assert abs(clock.now() - right()) < timedelta(minutes=5), clock.now()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SHOW idle_in_transaction_session_timeout")
    print(cursor.fetchone()[0])
"""


def test_leases_are_by_the_databases_clock_and_nobody_who_is_gone_keeps_locks(environment: dict[str, str]) -> None:
    environment |= {"DEPLOYER_LEASE_SECONDS": "30"}
    assert said_by(STEPPED, environment) == "1min"


#: Looks at a service; a deployment ends meanwhile in another process's transaction, which is committed only while this
#: one waits for it.
LOOKED = """
import sys, threading, time, django; django.setup()
from django.db import connection, connections, transaction
from django.utils import timezone
from core.models import Service
from core.services import observations, requests
from core.services.scope import Scope
from core.states import Health
from core.values import Observation
from tests import factories
from tests.core import shop
repository = shop.declare()
shop.look(repository, live="one")
shop.run_all(repository)
Service.objects.update(next_observe_at=timezone.now())
requests.redeploy(shop.service(), factories.make_user())
(job,) = shop.claim()
(seen,) = observations.claim(timezone.now(), Scope(), limit=1)
stale = Observation(digest="sha256:old", health=Health.HEALTHY)
def record():
    observations.record(seen, stale, timezone.now())
    connections.close_all()
look = threading.Thread(target=record)
with transaction.atomic():
    shop.finish(job)
    look.start()
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            assert look.is_alive(), "it did not wait"
            time.sleep(0.05)
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            (waiting,) = cursor.fetchone()
look.join()
service = shop.service()
print(service.observed_digest == service.current_digest, repr(service.drift))
"""


def test_what_was_seen_while_a_deployment_ended_is_not_taken_for_drift(environment: dict[str, str]) -> None:
    assert said_by(LOOKED, environment) == "True ''"


#: Evaluates a repository, and a deployment ends in the middle of that: after its service was read, and before its job.
ENDED = """
import threading, django; django.setup()
from django.db import connections
from core.engine import snapshot
from core.models import Deployment, Job, Ref
from core.services import heads
from tests.core import shop
repository = shop.declare()
shop.look(repository, live="two")
while not (deploying := [job for job in shop.claim() if job.kind == "deployment"]):
    for job in Job.objects.running():
        shop.finish(job)
    shop.settle(repository)
(job,) = deploying
read = snapshot._active
def finish():
    shop.finish(job)
    connections.close_all()
def read_later(*given):
    global job
    if job.state == "running":
        other = threading.Thread(target=finish)
        other.start()
        other.join()
        job.refresh_from_db()
        assert job.state == "succeeded"
    return read(*given)
snapshot._active = read_later
heads.touch(Ref.objects.all())
shop.settle(repository)
print(job.state, Deployment.objects.filter(release=job.deployment_of.release).count(), shop.service().status)
"""


def test_a_deployment_that_ends_while_its_repository_is_evaluated_is_not_made_again(
    environment: dict[str, str],
) -> None:
    assert said_by(ENDED, environment) == "succeeded 1 done"
