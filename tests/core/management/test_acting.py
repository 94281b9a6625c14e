"""The commands by which somebody acts on services and flavours, and the one that shows a log."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core import configuration
from core.logs.store import LogStore
from core.management.acting import length
from core.models import Activity, Hold, Job, Service
from core.states import JobState
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db


def run(command: str, *arguments: object) -> str:
    output = StringIO()
    call_command(command, *map(str, arguments), stdout=output)
    return output.getvalue()


def live(*commits: str) -> Service:
    """The shop, after these commits went live one by one."""
    repository = shop.declare()
    for commit in commits:
        shop.look(repository, live=commit)
        shop.run_all(repository)
    return Service.objects.get()


def test_a_service_is_locked_for_a_time_and_unlocked() -> None:
    service = live("one")
    said = run("lock", "shop", "--reason", "moving", "--for", "2h", "--user", factories.make_user("ann"))
    hold = Hold.objects.get(service=service, lifted_at=None)
    assert said.startswith("shop: Locked by ann until ")
    assert said.endswith(": moving\n")
    assert hold.until
    assert abs(hold.until - timezone.now() - timedelta(hours=2)) < timedelta(minutes=1)
    with pytest.raises(CommandError, match="held already"):
        run("lock", "shop", "--reason", "again")
    assert run("unlock", "shop") == "shop is locked no more.\n"
    with pytest.raises(CommandError, match="shop is not locked"):
        run("unlock", "shop")


def test_a_flavour_is_frozen_until_it_is_unfrozen() -> None:
    name = live("one").target.recipe.repository.flavour.name
    assert f"Flavour {name} is frozen" in run("freeze", name, "--reason", "holidays")
    assert run("unfreeze", name) == f"Flavour {name} goes on.\n"
    with pytest.raises(CommandError, match="is not frozen"):
        run("unfreeze", name)
    with pytest.raises(CommandError, match="flavour 'x'"):
        run("freeze", "x", "--reason", "y")


def test_a_service_goes_back_to_what_it_ran_before_and_forward_again() -> None:
    service = live("one", "two")
    assert run("rollback", "shop", "--reason", "slow").startswith(f"shop goes back to {shop.hash_of('one')[:10]}")
    shop.run_all(service.target.recipe.repository)
    assert shop.live() == "one"
    assert "follows live again" in run("rollback", "shop", "--lift")
    shop.run_all(service.target.recipe.repository)
    assert shop.live() == "two"
    assert shop.hash_of("one")[:10] in run("rollback", "shop", "--to", shop.hash_of("one")[:8])
    with pytest.raises(CommandError, match="no release is of a commit that begins with 'eeee'; the newest"):
        run("rollback", "shop", "--to", "eeee")


def test_without_another_release_there_is_nothing_to_go_back_to() -> None:
    live("one")
    with pytest.raises(CommandError, match="has run nothing else yet"):
        run("rollback", "shop")


def test_a_service_is_deployed_again_and_it_is_known_who_asked() -> None:
    live("one")
    assert run("deploy", "shop", "--reason", "it hangs").startswith("Queued as job ")
    assert Activity.objects.first().reason == "it hangs"  # type: ignore[union-attr]
    with pytest.raises(CommandError, match="shop"):
        run("deploy", "shp")


@pytest.mark.parametrize("word", ["", "2", "h", "0h", "-1h", "1y", "1.5h", "12345m"])
def test_what_is_no_length_of_time_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=word):
        length(word)


def job_with(data: bytes, **values: object) -> Job:
    job = factories.make_job(log="2026-01-01/000001-build.log", **values)
    with contextlib.closing(LogStore(configuration.current().logs_dir).open(job.log)) as log:
        log.write(data)
    return job


def test_a_log_is_shown_whole_or_its_end_and_does_nothing_to_a_terminal() -> None:
    job = job_with(b"one\n\ntwo \x1b[31mred\x1b[0m\n\x1b]0;title\x07three", state=JobState.RUNNING)
    assert run("logs", job.pk) == "one\n\ntwo red\nthree"
    assert run("logs", job.pk, "-n", 2) == "two red\nthree"
    assert run("logs", job.pk, "-n", 0) == ""
    with pytest.raises(CommandError, match="there is no job 9999"):
        run("logs", 9999)


@pytest.mark.django_db(transaction=True)
def test_following_tells_how_the_job_ended() -> None:
    job = job_with(b"compiling\n", state=JobState.FAILED, reason="exited with status 2", cause="no space left")
    output = StringIO()
    with pytest.raises(CommandError, match=r"has failed: exited with status 2\nProbable cause: no space left"):
        call_command("logs", str(job.pk), "-f", stdout=output)
    assert output.getvalue() == "compiling\n"
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED)
    assert run("logs", job.pk, "-f") == "compiling\n"
