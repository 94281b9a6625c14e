"""The stand-in's GraphQL: by the published schema, from real Git, within GitHub's limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from graphql import parse

from tests.github_server import graphql_cost
from tests.github_server.conftest import Client
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub


def ask(client: httpx.Client, github: GitHub, fields: str, **variables: Any) -> dict[str, Any]:
    query = (
        f'query($after: String) {{ repository(owner: "acme", name: "shop") {{ id {fields} }} rateLimit {{ cost }} }}'
    )
    if "$after" not in fields:
        query = query.replace("query($after: String) ", "")
    return dict(client.post(f"{github.url}/api/graphql", json={"query": query, "variables": variables}).json())


def test_a_repository_is_told_as_its_git_is(
    github: GitHub, repository: Repository, commit: str, client: httpx.Client
) -> None:
    github.person("anna", email="author@example.org")
    about = "nameWithOwner url isPrivate isArchived pushedAt defaultBranchRef { name target { oid ... on Commit"
    said = ask(client, github, about + " { message committedDate author { name email user { login } } } } }")
    found = said["data"]["repository"]
    head = found["defaultBranchRef"]
    assert (found["nameWithOwner"], head["name"], head["target"]["oid"]) == ("acme/shop", "main", commit)
    assert head["target"]["message"] == "First\n\nWith a body"
    author = {"name": "A. Author", "email": "author@example.org", "user": {"login": "anna"}}
    assert head["target"]["author"] == author
    assert abs(datetime.fromisoformat(found["pushedAt"]) - datetime.now(UTC)).total_seconds() < 60
    assert github.violations == []


def test_pages_go_on_where_the_last_one_ended(
    github: GitHub, repository: Repository, commit: str, client: httpx.Client
) -> None:
    for number in range(5):
        repository.run("update-ref", f"refs/heads/b{number}", commit)
    fields = (
        'refs(refPrefix: "refs/heads/", first: 4, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } }'
    )
    names, after = [], None
    while True:
        page = ask(client, github, fields, after=after)["data"]["repository"]["refs"]
        names += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert names == ["b0", "b1", "b2", "b3", "b4", "main"]
    assert ask(client, github, fields, after="4")["errors"][0]["type"] == "INVALID_CURSOR_ARGUMENTS"


def test_pull_requests_are_told_by_their_state_the_last_changed_first(
    github: GitHub, repository: Repository, commit: str, client: httpx.Client
) -> None:
    for number in (1, 2, 3):
        repository.pull_request(number, commit, author="bob", fork=number == 2)
    repository.pull_request(1, commit, title="Pushed again")
    repository.pulls[3].open = False
    order = "orderBy: {field: UPDATED_AT, direction: DESC}"
    fields = "nodes { number title isCrossRepository author { login } authorAssociation isDraft headRepository "
    fields += "{ nameWithOwner } commits(last: 1) { nodes { commit { oid } } } }"
    pulls = ask(client, github, f"pullRequests(states: OPEN, first: 100, {order}) {{ {fields} }}")
    nodes = pulls["data"]["repository"]["pullRequests"]["nodes"]
    assert [node["number"] for node in nodes] == [1, 2]
    assert [node["headRepository"]["nameWithOwner"] for node in nodes] == ["acme/shop", "bob/shop"]
    assert [node["commits"]["nodes"][0]["commit"]["oid"] for node in nodes] == [commit, commit]
    assert pulls["data"]["rateLimit"]["cost"] == 1
    assert github.violations == []


def test_what_is_not_there_is_an_error_beside_the_rest(
    github: GitHub, repository: Repository, client: httpx.Client
) -> None:
    query = '{ a: repository(owner: "acme", name: "shop") { id } b: repository(owner: "acme", name: "no") { id } }'
    said = client.post(f"{github.url}/api/graphql", json={"query": query}).json()
    assert said["data"]["a"]
    assert said["data"]["b"] is None
    assert [(error["type"], error["path"]) for error in said["errors"]] == [("NOT_FOUND", ["b"])]
    assert github.violations == []


def test_a_field_that_the_stand_in_does_not_know_is_never_simply_null(
    github: GitHub, repository: Repository, client: httpx.Client
) -> None:
    assert "does not know" in ask(client, github, "homepageUrl")["errors"][0]["message"]
    assert github.violations == ["the stand-in does not know Repository.homepageUrl"]
    github.violations.clear()


def test_an_installation_reads_of_a_private_repository_what_it_is_allowed(
    github: GitHub, repository: Repository, commit: str, asking: Client
) -> None:
    repository.private = True
    app, _ = github.app(installed={"acme": None})
    client = asking(github.token("installation-x", app.installations["acme"]).value)
    fields = "pullRequests(first: 1) { totalCount }"
    assert "errors" not in ask(client, github, fields)
    del app.permissions["pull_requests"]
    assert ask(client, github, fields)["errors"][0]["type"] == "FORBIDDEN"


def test_nobody_and_who_has_no_points_left_are_refused(
    github: GitHub, repository: Repository, client: httpx.Client, asking: Client
) -> None:
    assert asking().post(f"{github.url}/api/graphql", json={"query": "{ viewer { login } }"}).status_code == 401
    github.exhaust("alice", "graphql")
    assert ask(client, github, "url")["errors"][0]["type"] == "RATE_LIMITED"


def test_a_query_costs_what_github_says_it_costs() -> None:
    # The example of "Rate limits and query limits for the GraphQL API": 5,101 requests are 51 points.
    query = """query { viewer { repositories(first: 100) { edges { node { id issues(first: 50) { edges { node { id
        labels(first: 60) { edges { node { id name } } } } } } } } } } }"""
    price = graphql_cost.of(parse(query), {})
    assert (price.requests, price.points, price.nodes) == (5101, 51, 100 + 5_000 + 300_000)


@pytest.mark.parametrize(
    ("lists", "kind"),
    [
        pytest.param("refs(first: 0)", "EXCESSIVE_PAGINATION", id="none"),
        pytest.param("a(first: 100) { b(first: 100) { c(first: 100) { id } } }", "MAX_NODE_LIMIT_EXCEEDED", id="many"),
    ],
)
def test_a_query_that_reaches_too_much_is_refused(lists: str, kind: str) -> None:
    (fault,) = graphql_cost.of(parse(f"{{ {lists} }}"), {}).faults
    assert fault.extensions == {"type": kind}
