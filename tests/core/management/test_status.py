"""`manage.py status`."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.models import Service
from tests import factories

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("status", *arguments, stdout=output)
    return output.getvalue()


def test_a_service_has_a_line_with_what_it_runs():
    service = factories.make_service("shop", host="here", status="done")
    release = factories.make_deployment(service=service).release
    [line] = run().splitlines()
    name, status, runs, health, reason = line.split("\t")
    assert (name, status, health, reason) == ("shop@here", "done", "unknown", "")
    assert runs.startswith(f"{release.image} at {release.commit.short} since ")


def test_what_is_not_done_says_why():
    factories.make_service("b", status="failed", reason="it is not healthy\n\x1b[2J")
    factories.make_service("a")
    first, second = sorted(run().splitlines())
    assert "nothing yet" in first
    assert "not evaluated yet" in first
    # No reason can draw on the terminal of who reads it.
    assert second.endswith("it is not healthy  [2J")


def test_rollbacks_and_drift_are_told():
    service = factories.make_service(status="done")
    release = factories.make_deployment(service=service).release
    factories.make_rollback(
        service=service, release=release, reason="it leaks", asked_by=User.objects.create_user("anna")
    )
    Service.objects.update(observed_digest="sha256:other", observed_at=timezone.now())
    drift = (
        "Drift: it runs other, another image than its latest deployment. "
        "It stays so until somebody puts it right or a new release is deployed"
    )
    assert run().strip().endswith(f"anna had it go back: it leaks; {drift}")


def test_what_it_was_not_well_with_is_told():
    service = factories.make_service(status="done")
    bad = factories.make_deployment(service=service, state="failed", unhealthy="it answered 503")
    assert run().strip().endswith(f"release of {bad.release.commit.short} is not tried again: it answered 503")


def test_scripts_get_json():
    service = factories.make_service("shop")
    release = factories.make_deployment(service=service).release
    [told] = json.loads(run("--json"))
    assert (told["name"], told["runs"]["digest"]) == ("shop", release.digest)


def test_one_flavour_can_be_asked_for():
    mine, _ = factories.make_service(), factories.make_service()
    flavour = mine.target.recipe.repository.flavour.name
    assert [line.split("\t")[0] for line in run("--flavour", flavour).splitlines()] == [mine.name]


def test_an_unknown_flavour_is_refused_with_the_one_that_was_meant():
    factories.make_flavour("acme")
    with pytest.raises(CommandError, match="flavour 'acne': unknown; did you mean 'acme'"):
        run("--flavour", "acne")


def test_an_empty_deployer_says_so():
    assert run() == "No service is declared.\n"
    assert json.loads(run("--json")) == []


def test_whoever_is_woken_up_sees_what_is_broken_first_and_what_waits_and_why():
    for name, fields in (
        ("a-fine", {"status": "done"}),
        ("b-held", {"status": "done"}),
        ("c-bad", {"status": "failed"}),
    ):
        factories.make_service(name, **fields)
    factories.make_hold(service=Service.objects.get(name="b-held"), reason="moving", owner=factories.make_user("ann"))
    output = StringIO()
    with pytest.raises(CommandError, match="broken: c-bad"):
        call_command("status", "--problems", stdout=output)
    broken, held = output.getvalue().splitlines()
    assert broken.startswith("c-bad\tfailed")
    assert held.endswith("Locked by ann: moving")
    Service.objects.exclude(name="a-fine").update(retired_at=timezone.now())
    assert run("--problems") == "All services are as they should be.\n"
