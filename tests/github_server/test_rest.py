"""The stand-in's REST: what is there, in GitHub's form, a page at a time, under its name of now."""

from __future__ import annotations

import httpx
import pytest

from tests.github_server.conftest import Client
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub


@pytest.fixture
def bot(github: GitHub, asking: Client) -> httpx.Client:
    """An app's installation at acme."""
    app, _ = github.app(installed={"acme": None})
    installation = app.installations["acme"]
    return asking(github.token(f"installation-{installation.id}", installation).value)


@pytest.mark.parametrize("path", ["/rate_limit", "/meta", "/user", "/user/orgs", "/user/teams", "/user/emails"])
def test_what_concerns_nobodys_repository_is_answered_as_described(
    github: GitHub, client: httpx.Client, path: str
) -> None:
    github.person("alice", organizations={"acme": "active"}, teams={"acme/ops"})
    assert client.get(path).status_code == 200
    assert github.violations == []


def test_asking_what_is_left_costs_nothing(github: GitHub, client: httpx.Client) -> None:
    client.get("/user")
    for _ in range(3):
        rate = client.get("/rate_limit").json()["rate"]
    assert (rate["limit"], rate["used"], rate["remaining"]) == (5000, 1, 4999)


def test_a_repository_is_described(github: GitHub, repository: Repository, commit: str, client: httpx.Client) -> None:
    said = client.get("/repos/ACME/shop").json()
    assert (said["full_name"], said["default_branch"], said["private"]) == ("acme/shop", "main", False)
    assert github.violations == []


def test_a_long_list_comes_in_pages(github: GitHub, repository: Repository, commit: str, client: httpx.Client) -> None:
    for number in range(35):
        body = {"state": "success", "context": f"c{number}"}
        assert client.post(f"/repos/acme/shop/statuses/{commit}", json=body).status_code == 201
    first = client.get(f"/repos/acme/shop/commits/{commit}/statuses")
    assert [each["context"] for each in first.json()] == [f"c{number}" for number in range(34, 4, -1)]
    second = client.get(first.links["next"]["url"])
    assert [each["context"] for each in second.json()] == ["c4", "c3", "c2", "c1", "c0"]
    assert "next" not in second.links
    combined = client.get("/repos/acme/shop/commits/main/status").json()
    assert (combined["state"], combined["total_count"]) == ("success", 35)
    assert github.violations == []


def test_who_uses_an_old_name_is_sent_to_the_number(
    github: GitHub, repository: Repository, commit: str, client: httpx.Client
) -> None:
    github.rename(repository, "acme", "store")
    asked = client.get("/repos/acme/shop/commits/main/status?per_page=5")
    assert asked.status_code == 301
    assert asked.headers["location"].endswith(f"/repositories/{repository.id}/commits/main/status?per_page=5")
    assert client.get(asked.headers["location"]).json()["repository"]["full_name"] == "acme/store"
    sent = client.post(f"/repos/acme/shop/statuses/{commit}", json={"state": "success"})
    assert sent.status_code == 307
    client.post(sent.headers["location"], json={"state": "success"})
    assert len(repository.statuses) == 1


def test_a_repository_that_takes_an_old_name_is_the_one_of_that_name(github: GitHub, repository: Repository) -> None:
    github.rename(repository, "acme", "store")
    other = github.repository("acme/shop")
    assert github.find("acme", "shop") is other
    assert github.find("acme", "store") is repository


def test_check_runs_are_kept_and_found_by_name_and_app(
    github: GitHub, repository: Repository, commit: str, bot: httpx.Client, asking: Client
) -> None:
    other, _ = github.app(installed={"acme": None})
    installation = other.installations["acme"]
    second = asking(github.token(f"installation-{installation.id}", installation).value)
    for client in (bot, bot, second):
        made = client.post("/repos/acme/shop/check-runs", json={"name": "deployability", "head_sha": commit}).json()
    assert made["app"]["id"] == other.id
    path = f"/repos/acme/shop/commits/{commit}/check-runs"
    assert bot.get(path).json()["total_count"] == 2
    assert bot.get(path, params={"filter": "all"}).json()["total_count"] == 3
    found = bot.get(path, params={"check_name": "deployability", "app_id": other.id}).json()
    assert [run["id"] for run in found["check_runs"]] == [made["id"]]
    refused = bot.patch(f"/repos/acme/shop/check-runs/{made['id']}", json={"status": "in_progress"})
    assert (refused.status_code, "Invalid app_id" in refused.text) == (403, True)
    assert github.violations == []


def test_annotations_are_added_to_those_that_are_there(
    github: GitHub, repository: Repository, commit: str, bot: httpx.Client
) -> None:
    note = {"path": "a.c", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "expected ;"}
    output = {"title": "It failed", "summary": "…", "annotations": [note]}
    begun = {"name": "deployability", "head_sha": commit, "output": output}
    number = bot.post("/repos/acme/shop/check-runs", json=begun).json()["id"]
    body = {"status": "completed", "conclusion": "failure", "output": output}
    run = bot.patch(f"/repos/acme/shop/check-runs/{number}", json=body).json()
    assert (run["conclusion"], run["output"]["annotations_count"]) == ("failure", 2)
    assert len(bot.get(f"/repos/acme/shop/check-runs/{number}/annotations").json()) == 2
    assert github.violations == []


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        pytest.param({"title": "x"}, "'summary' is a required property", id="no summary"),
        pytest.param({"title": "x", "summary": "x" * 65_536}, "is too long", id="a long summary"),
        pytest.param({"title": "x", "summary": "x", "txt": "x"}, "no field output.'txt'", id="a misspelt field"),
    ],
)
def test_an_output_that_github_would_not_take_is_refused(
    github: GitHub, repository: Repository, commit: str, bot: httpx.Client, output: dict[str, str], fault: str
) -> None:
    body = {"name": "deployability", "head_sha": commit, "output": output}
    assert bot.post("/repos/acme/shop/check-runs", json=body).status_code == 422
    assert any(fault in each for each in github.violations)


def test_a_deployment_ends_the_one_before_it(
    github: GitHub, repository: Repository, commit: str, bot: httpx.Client
) -> None:
    path = "/repos/acme/shop/deployments"
    for _ in range(2):
        body = {"ref": "main", "environment": "shop@edge", "auto_merge": False, "required_contexts": []}
        made = bot.post(path, json=body).json()
        assert made["sha"] == commit
        assert bot.post(f"{path}/{made['id']}/statuses", json={"state": "success"}).status_code == 201
    newest, older = bot.get(path, params={"sha": commit, "environment": "shop@edge"}).json()
    states = [[each["state"] for each in bot.get(f"{path}/{of['id']}/statuses").json()] for of in (newest, older)]
    assert states == [["success"], ["inactive", "success"]]
    assert bot.get(path, params={"environment": "elsewhere"}).json() == []
    assert github.violations == []


def test_a_deployment_of_what_failed_is_refused_unless_that_does_not_matter(
    github: GitHub, repository: Repository, commit: str, client: httpx.Client
) -> None:
    client.post(f"/repos/acme/shop/statuses/{commit}", json={"state": "failure"})
    assert client.post("/repos/acme/shop/deployments", json={"ref": "main"}).status_code == 409
    body = {"ref": "main", "required_contexts": []}
    assert client.post("/repos/acme/shop/deployments", json=body).status_code == 201


def test_what_a_branch_asks_for_is_told(
    github: GitHub, repository: Repository, commit: str, client: httpx.Client
) -> None:
    path = "/repos/acme/shop/branches/main/protection/required_status_checks"
    assert client.get(path).status_code == 404
    repository.required_checks.append("deployability")
    assert client.get(path).json()["contexts"] == ["deployability"]
    assert client.get("/repos/acme/shop/rules/branches/main").json() == []
    assert github.violations == []
