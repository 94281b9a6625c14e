"""`manage.py doctor`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.api import Finding, Observation, OperationError, ServicePlace
from core.engine import doctor, doctor_here
from tests import factories

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    """What it prints, and what it ends with where something is wrong."""
    output = StringIO()
    try:
        call_command("doctor", *arguments, stdout=output)
    except CommandError as error:
        return output.getvalue(), f"{error.returncode}: {error}"
    return output.getvalue(), ""


def findings() -> list[dict[str, str]]:
    told: list[dict[str, str]] = json.loads(run("--json")[0])
    return told


def about(name: str) -> list[dict[str, str]]:
    return [each for each in findings() if each["about"] == name]


def test_it_needs_no_other_process_and_says_so(dummy):
    printed, failure = run()
    assert failure == ""
    assert "neither the web nor a runner has to be alive" in printed
    assert "! None is alive: start one" in printed
    assert "✗" not in printed


def test_no_line_is_wider_than_a_terminal(dummy, settings):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    printed, failure = run()
    assert "Connection refused" in " ".join(printed.split())
    assert "See whether it is up, and to DEPLOYER_REDIS_URL." in printed
    assert failure.startswith("1: ")
    assert max(len(line) for line in printed.splitlines() if "/" not in line) <= 80


def test_each_source_and_deployer_is_asked_about_what_was_declared(dummy):
    service = factories.make_service(host="example.org")
    repository = service.target.recipe.repository
    dummy.source.errors[repository.name] = OperationError("nobody at home\x1b[2J")
    assert about("source dummy") == [
        {
            "about": "source dummy",
            "level": "error",
            "text": f"{repository.name}: nobody at home\x1b[2J",
            "remedy": "",
        }
    ]
    [told] = about("deployer dummy on example.org")
    assert (told["level"], told["text"].partition(":")[0]) == ("ok", service.name)
    dummy.source.errors[repository.name] = OperationError("nobody at home\x1b[2J")
    assert "\x1b" not in run()[0]


def test_what_does_not_answer_is_told_and_holds_nobody_up(dummy, monkeypatch):
    async def never(service: ServicePlace, data: Path) -> Observation:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(doctor, "DEADLINE", 0.1)
    monkeypatch.setattr(dummy.deployer, "observe", never)
    services = [factories.make_service(host=f"host{number}") for number in range(3)]
    told = {each["about"]: each["text"] for each in findings()}
    for service in services:
        assert told[f"deployer dummy on {service.host}"].startswith(f"{service.name}: no answer within")


def test_a_builder_is_asked_about_the_places_of_its_recipes(dummy, monkeypatch):
    asked = []

    async def check(place: str, data: Path) -> AsyncIterator[Finding]:
        asked.append(place)
        yield Finding(level="warning", text="It is tired.", remedy="Let it sleep.")
        raise RuntimeError("and fell over")

    factories.make_recipe("web")
    monkeypatch.setattr(dummy.builder, "check", check)
    assert [each["text"].rpartition(": ")[2] for each in about("builder dummy")] == ["It is tired.", "and fell over"]
    assert len(asked) == 1


def test_a_declaration_that_nobody_understands_is_told_with_the_rest(dummy):
    factories.make_service(deployer="teleport")
    [told] = about("deployer teleport")
    assert told["level"] == "error"
    assert "manage.py plugins" in told["remedy"]


def test_secrets_that_everybody_can_read_are_told(dummy, settings, tmp_path):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"secrets_dir": tmp_path})
    (tmp_path / "token").write_text("open sesame")
    (tmp_path / "token").chmod(0o644)
    hidden = doctor_here._hidden(tmp_path / "token")
    [told] = [each for each in about("secrets") if str(tmp_path) in each["text"]]
    assert told["level"] == ("ok" if hidden else "warning")
    assert "sesame" not in json.dumps(findings())


def test_several_hosts_without_redis_are_wrong(dummy):
    for host in ("a.example.org", "b.example.org"):
        factories.make_runner(host=host)
    [told] = about("processes")
    assert (told["level"], told["remedy"]) == ("error", "Set DEPLOYER_REDIS_URL for all processes.")


def test_a_clock_that_is_off_and_an_older_version_are_told(dummy):
    factories.make_runner(host="a.example.org", vitals={"clock": -7.5}, schema=17, version="2")
    factories.make_process(host="a.example.org", schema=16, version="1")
    told = [each["text"] for each in about("processes")]
    assert told[0] == "The clock of a.example.org is not the database's"
    assert told[1].startswith("A rolling upgrade to 2 (0017) goes on")


def test_each_image_is_asked_about_once_and_what_a_plugin_says_of_itself_is_told_once(dummy, monkeypatch):
    asked = []

    async def check_image(image: str, data: Path) -> AsyncIterator[Finding]:
        asked.append(image)
        yield Finding(level="error", text=f"{image.partition('/')[0]} does not let us", remedy="Log in.")

    monkeypatch.setattr(dummy.builder, "check_image", check_image)
    for image in ("registry.example/a:live", "registry.example/a:live", "registry.example/b:live"):
        factories.make_target(image=image)
    factories.make_target(image="registry.example/c:live", retired_at=timezone.now())
    [told] = about("images of dummy")
    assert (told["level"], told["remedy"]) == ("error", "Log in.")
    assert sorted(asked) == ["registry.example/a:live", "registry.example/b:live"]


def test_each_notifier_is_asked_without_anything_being_said(dummy):
    recipients = [["dummy", {"channel": "#ops"}], ["pigeon", {}], ["dummy", {"volume": 11}]]
    flavour = factories.make_flavour("acme", notifiers=recipients)
    factories.make_flavour("quiet", notifiers=[["pigeon", {}]], harmless=True)
    told = {(each["level"], each["about"]): each["text"] for each in findings() if "notifier" in each["about"]}
    assert told["ok", "notifier dummy"].startswith("It has no test")
    assert "pigeon" in told["error", "notifier pigeon"]
    assert "volume" in told["error", "notifier dummy"]
    assert flavour.name in told["error", "notifier dummy"]
    assert dummy.notifier.said == []


@pytest.mark.parametrize(
    ("status", "text", "level", "words"),
    [
        (200, "ok\n", "ok", "A web answers at"),
        (200, "<html>", "warning", "is no web of the deployer (200"),
        (502, "Bad Gateway", "warning", "is no web of the deployer (502"),
        (None, "", "warning", "No web answers at"),
    ],
)
def test_what_answers_at_the_base_url_is_told(dummy, monkeypatch, status, text, level, words):
    def get(url: str, **_: object) -> httpx.Response:
        assert url.endswith("/healthz")
        if status is None:
            raise httpx.ConnectError("Connection refused")
        return httpx.Response(status, text=text)

    monkeypatch.setattr(doctor_here.httpx, "get", get)
    [told] = about("base URL")
    assert told["level"] == level
    assert words in told["text"]
