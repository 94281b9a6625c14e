"""Who is believed by the stand-in, and what they may."""

from __future__ import annotations

import base64
from datetime import timedelta

import httpx
import pytest

from core.testing.git_server import run_git
from tests.github_server.conftest import Client, signed
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub


def test_an_app_is_known_by_its_signature(github: GitHub, asking: Client) -> None:
    app, key = github.app(installed={"acme": None})
    for issuer in (app.id, app.client_id):
        assert asking(signed(github, issuer, key)).get("/app").json()["id"] == app.id
    for path in ("/orgs/acme/installation", "/users/acme/installation"):
        assert asking(signed(github, app.id, key)).get(path).json()["account"]["login"] == "acme"
    (installed,) = asking(signed(github, app.id, key)).get("/app/installations").json()
    assert installed["repository_selection"] == "all"
    assert github.violations == []


@pytest.mark.parametrize(
    ("times", "said"),
    [
        pytest.param({"expires": 660}, "is too far in the future", id="holds too long"),
        pytest.param({"expires": -1}, "must be a numeric value representing the future time", id="is over"),
        pytest.param({"issued": 30}, "must be an Integer representing the time", id="is of the future"),
    ],
)
def test_a_signature_of_another_time_is_refused_in_githubs_words(
    github: GitHub, asking: Client, times: dict[str, float], said: str
) -> None:
    app, key = github.app(installed={})
    answer = asking(signed(github, app.id, key, **times)).get("/app")
    assert answer.status_code == 401
    assert said in answer.json()["message"]


def test_the_time_is_the_stand_ins_own(github: GitHub, asking: Client) -> None:
    app, key = github.app(installed={})
    token = signed(github, app.id, key)
    github.clock = timedelta(minutes=11)
    assert asking(token).get("/app").status_code == 401
    assert asking(signed(github, app.id, key)).get("/app").status_code == 200


def test_another_apps_signature_and_an_unknown_app_are_refused(github: GitHub, asking: Client) -> None:
    app, _ = github.app(installed={})
    _, other = github.app(installed={})
    assert asking(signed(github, app.id, other)).get("/app").json()["message"].startswith("A JSON web token")
    assert asking(signed(github, 7, other)).get("/app").status_code == 404
    assert asking(github.token("alice").value).get("/app").status_code == 401


def test_an_installations_token_is_for_what_it_was_given(github: GitHub, asking: Client) -> None:
    for name in ("acme/shop", "acme/secret"):
        github.repository(name, private=True)
    app, key = github.app(installed={"acme": {"acme/shop"}})
    path = f"/app/installations/{app.installations['acme'].id}/access_tokens"
    token = asking(signed(github, app.id, key)).post(path, json={}).json()["token"]
    given = asking(token)
    assert [each["full_name"] for each in given.get("/installation/repositories").json()["repositories"]] == [
        "acme/shop"
    ]
    assert given.get("/repos/acme/shop").status_code == 200
    assert given.get("/repos/acme/secret").status_code == 404
    assert given.get("/user").status_code == 403
    assert github.violations == []


def test_a_token_may_be_narrowed_and_not_widened(github: GitHub, asking: Client) -> None:
    shop, _ = github.repository("acme/shop", private=True), github.repository("acme/other", private=True)
    app, key = github.app(installed={"acme": None})
    client = asking(signed(github, app.id, key))
    path = f"/app/installations/{app.installations['acme'].id}/access_tokens"
    made = client.post(path, json={"repository_ids": [shop.id], "permissions": {"checks": "read"}}).json()
    assert made["permissions"] == {"metadata": "read", "checks": "read"}
    given = asking(made["token"])
    assert given.get("/repos/acme/other").status_code == 404
    assert given.post("/repos/acme/shop/check-runs", json={"name": "x", "head_sha": "a" * 40}).status_code == 403
    assert client.post(path, json={"permissions": {"contents": "write"}}).status_code == 422
    assert client.post(path, json={"repositories": ["nothing"]}).status_code == 422
    assert github.violations == []


def test_nothing_is_written_where_the_app_is_not_installed(github: GitHub, asking: Client) -> None:
    github.repository("other/public")
    app, _ = github.app(installed={"acme": None})
    given = asking(github.token("installation-x", app.installations["acme"]).value)
    assert given.get("/repos/other/public").status_code == 200
    answer = given.post("/repos/other/public/check-runs", json={"name": "x", "head_sha": "a" * 40})
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")


def test_a_token_ends_by_time_revocation_suspension_and_with_its_installation(github: GitHub, asking: Client) -> None:
    github.repository("acme/shop", private=True)
    app, _ = github.app(installed={"acme": None})
    installation = app.installations["acme"]

    def status(token: str) -> int:
        return asking(token).get("/repos/acme/shop").status_code

    first = github.token("installation-x", installation)
    assert status(first.value) == 200
    installation.suspended = True
    assert status(first.value) == 403
    installation.suspended = False
    github.clock = timedelta(minutes=61)
    assert status(first.value) == 401
    second = github.token("installation-x", installation)
    github.revoke(second)
    assert status(second.value) == 401
    third = github.token("installation-x", installation)
    del app.installations["acme"]
    assert status(third.value) == 401


def test_a_persons_token_needs_its_scope(github: GitHub, asking: Client) -> None:
    github.repository("acme/shop", private=True)
    assert asking(github.token("alice", scopes=["read:org"]).value).get("/repos/acme/shop").status_code == 404
    assert asking(github.token("alice", scopes=["repo"]).value).get("/repos/acme/shop").status_code == 200
    assert asking().get("/repos/acme/shop").status_code == 404
    assert asking("ghp_nobodys").get("/repos/acme/shop").json()["message"] == "Bad credentials"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_git_asks_who_wants_a_private_repository(github: GitHub, repository: Repository, commit: str) -> None:
    refs = f"{github.url}/acme/shop.git/info/refs?service=git-upload-pack"
    assert httpx.get(refs).status_code == 200
    repository.private = True
    stranger = httpx.get(refs)
    assert (stranger.status_code, "Basic" in stranger.headers["www-authenticate"]) == (401, True)
    assert httpx.get(refs, headers=basic("x-access-token", "nobodys")).status_code == 401
    token = github.token("alice").value
    assert httpx.get(refs, headers=basic("x-access-token", token)).status_code == 200
    assert httpx.get(refs.replace(".git", ""), headers=basic(token, "x-oauth-basic")).status_code == 200
    nothing = httpx.get(refs.replace("shop", "nothing"), headers=basic("alice", token))
    assert (nothing.status_code, nothing.text) == (404, "Repository not found.")


def test_git_needs_the_permission_to_read(github: GitHub, repository: Repository, commit: str) -> None:
    repository.private = True
    app, _ = github.app(installed={"acme": None})
    token = github.token("installation-x", app.installations["acme"]).value
    refs = f"{github.url}/acme/shop.git/info/refs?service=git-upload-pack"
    assert httpx.get(refs, headers=basic("x-access-token", token)).status_code == 200
    push = refs.replace("upload", "receive")
    assert httpx.get(push, headers=basic("x-access-token", token)).status_code == 403
    del app.permissions["contents"]
    assert httpx.get(refs, headers=basic("x-access-token", token)).status_code == 403


def test_git_follows_a_renamed_repository(github: GitHub, repository: Repository, commit: str) -> None:
    github.rename(repository, "acme", "store")
    assert commit in run_git("ls-remote", f"{github.url}/acme/shop.git", "refs/heads/main")
    assert any(each.status == 301 for each in github.asked("git"))
