"""`manage.py check_github`: what is missing, in words that say what to do."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.models import Repository
from tests import factories
from tests.github_server.fixtures import as_app, as_person
from tests.github_server.server import GitHub

pytestmark = pytest.mark.django_db(transaction=True)
HOOK = {"content_type": "json", "insecure_ssl": "0", "secret": "********"}
HERE = "https://deploy.example.org/webhooks/github"


def declared(name: str) -> None:
    """Declare a repository in a flavour that is found at deploy.example.org."""
    flavour = factories.make_flavour(base_url="https://deploy.example.org")
    factories.make_repository(name=name, source="github", options={}, flavour=flavour)


def check(*, fails: bool = False) -> str:
    out = StringIO()
    if fails:
        with pytest.raises(CommandError) as caught:
            call_command("check_github", stdout=out)
        return f"{out.getvalue()}\n{caught.value}"
    call_command("check_github", stdout=out)
    return out.getvalue()


@pytest.fixture
def well(github: GitHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitHub:
    """A configuration that lacks nothing."""
    repository = github.repository("acme/shop")
    work = github.work(repository, tmp_path / "work")
    work.commit("First")
    work.push("main")
    repository.required_checks = ["deployability"]
    as_app(github, monkeypatch)
    (app,) = github.apps.values()
    app.hook = {**HOOK, "url": HERE}
    app.deliveries = [delivery(200)]
    declared("acme/shop")
    return github


def delivery(status: int) -> dict[str, object]:
    return {
        "id": 1,
        "guid": "0b989ba4-242f-11e5-81e1-c7b6966d2516",
        "delivered_at": "2026-11-23T12:00:00Z",
        "redelivery": False,
        "duration": 0.1,
        "status": "OK" if status == 200 else "timed out",
        "status_code": status,
        "event": "push",
        "action": None,
        "installation_id": 1,
        "repository_id": 1,
    }


def test_all_is_well(well: GitHub) -> None:
    said = check()
    assert "✓ the app has all permissions that it needs" in said
    assert f"✓ webhooks are sent to {HERE}, signed" in said
    assert "✓ acme/shop: 1 branches and pull requests are seen" in said
    assert "✓ acme/shop: main asks for `deployability`" in said
    assert said.endswith("All is well.\n")


def test_missing_permissions_and_events_are_named(well: GitHub) -> None:
    (app,) = well.apps.values()
    app.permissions["checks"] = "read"
    del app.permissions["deployments"]
    app.events.remove("check_run")
    said = check(fails=True)
    assert "✗ the app misses `checks: write`, for the check of each commit" in said
    assert "✗ the app misses `deployments: write`" in said
    assert "! the app is not told of check_run" in said
    assert "2 errors and 1 warnings" in said


def test_webhooks_that_go_elsewhere_unsigned_are_named(well: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    (app,) = well.apps.values()
    app.hook = {"content_type": "json", "insecure_ssl": "1", "url": "https://old.example.org/"}
    app.deliveries = [delivery(504), delivery(200)]
    monkeypatch.delenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET")
    said = check(fails=True)
    assert "✗ webhooks are sent to https://old.example.org/" in said
    assert f"have the app send them to {HERE}" in said
    assert "✗ webhooks are sent without a signature" in said
    assert "✗ every webhook is refused: its secret is not set here" in said
    assert "! 1 of the last 2 webhooks were not taken: timed out" in said


def test_a_branch_that_does_not_ask_for_the_check_is_named(well: GitHub) -> None:
    well.repositories["acme/shop"].required_checks = []
    assert "! acme/shop: main does not ask for `deployability`" in check()
    well.repositories["acme/shop"].ruled_checks = ["deployability"]
    assert "✓ acme/shop: main asks for `deployability`" in check()


def test_a_repository_that_the_app_cannot_see_is_named(well: GitHub) -> None:
    declared("acme/unknown")
    declared("other/shop")
    said = check(fails=True)
    assert "✗ acme/unknown: " in said
    assert "✗ other/shop: the app is not installed for other/shop" in said


def test_a_renamed_and_an_archived_repository_are_named(well: GitHub) -> None:
    repository = well.repositories["acme/shop"]
    repository.archived = True
    well.rename(repository, "acme", "store")
    said = check()
    assert "! acme/shop is called acme/store now" in said
    assert "! acme/shop is archived" in said


def test_a_wrong_key_is_named(well: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    _, other = well.app(installed={})
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_PRIVATE_KEY", other)
    assert "have to be of one app" in check(fails=True)


def test_a_person_is_named(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    github.repository("acme/shop")
    declared("acme/shop")
    as_person(github, monkeypatch, "alice")
    assert "✓ the personal token is alice's" in check()


def test_nobody_is_told_what_is_missing(github: GitHub) -> None:
    said = check()
    assert "asked as nobody" in said
    assert "DEPLOYER_GITHUB_APP_ID" in said
    assert not Repository.objects.exists()


def test_any_source_can_be_checked(tmp_path: Path) -> None:
    factories.make_repository(name="acme/shop", source="git", options={"url": str(tmp_path / "nowhere")})
    with pytest.raises(CommandError, match="1 errors"):
        call_command("check_source", "git", stdout=StringIO())
    with pytest.raises(CommandError, match="no plugin offers 'svn'"):
        call_command("check_source", "svn", stdout=StringIO())
