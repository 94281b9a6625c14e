"""The stand-in itself: what GitHub's schemas do not allow, it does not take."""

from __future__ import annotations

import httpx
import pytest

from tests.github_server import description, published
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub
from tests.real import skip_or_fail


def test_an_address_that_github_does_not_have_is_told(
    github: GitHub, repository: Repository, client: httpx.Client
) -> None:
    assert client.get("/repos/acme/shop/nothing").status_code == 404
    assert github.violations == ["GitHub has no GET /repos/acme/shop/nothing"]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        pytest.param({"name": "x"}, "head_sha", id="a field is missing"),
        pytest.param({"name": 1, "head_sha": "a" * 40}, "1 is not of type", id="a field has another type"),
        pytest.param(
            {"name": "x", "head_sha": "a" * 40, "status": "running"}, "'running' is not one of", id="a word is unknown"
        ),
    ],
)
def test_a_body_that_the_description_does_not_allow_is_refused(
    github: GitHub, repository: Repository, client: httpx.Client, body: dict[str, object], fault: str
) -> None:
    answer = client.post("/repos/acme/shop/check-runs", json=body)
    assert answer.status_code == 422
    assert any(fault in each for each in github.violations), github.violations


def test_a_parameter_that_does_not_exist_is_refused(
    github: GitHub, repository: Repository, client: httpx.Client
) -> None:
    assert client.get("/repos/acme/shop/deployments?commit=x").status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        pytest.param('{ repository(owner: "acme", name: "shop") { heads } }', id="a field that does not exist"),
        pytest.param('{ repository(name: "shop") { nameWithOwner } }', id="an argument that is missing"),
        pytest.param("{", id="no query at all"),
    ],
)
def test_a_query_that_the_schema_does_not_allow_is_refused(
    github: GitHub, repository: Repository, client: httpx.Client, query: str
) -> None:
    answer = client.post(f"{github.url}/api/graphql", json={"query": query}).json()
    assert "data" not in answer
    assert answer["errors"]
    assert github.violations


def test_more_than_a_hundred_at_once_are_refused(github: GitHub, repository: Repository, client: httpx.Client) -> None:
    query = '{ repository(owner: "acme", name: "shop") { refs(refPrefix: "refs/heads/", first: 101) { totalCount } } }'
    answer = client.post(f"{github.url}/api/graphql", json={"query": query}).json()
    assert answer["errors"][0]["type"] == "EXCESSIVE_PAGINATION"


def test_what_did_not_change_costs_nothing(github: GitHub, repository: Repository, client: httpx.Client) -> None:
    first = client.get("/repos/acme/shop")
    used = github.limit("alice", "core").used
    second = client.get("/repos/acme/shop", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, github.limit("alice", "core").used) == (304, used)


def test_an_answer_of_the_stand_in_that_github_would_not_give_is_found() -> None:
    found = description.find("GET", "/repos/acme/shop")
    if found is None:
        skip_or_fail("the description has no repositories")
    operation, parameters = found
    assert parameters == {"owner": "acme", "repo": "shop"}
    assert description.answer_faults(operation, 200, {"id": "seven"})
    assert description.answer_faults(operation, 299, {})


def test_there_are_examples_of_every_event_that_is_read() -> None:
    for event in ("push", "create", "delete", "pull_request", "check_run", "check_suite", "repository", "installation"):
        assert published.examples(event)
