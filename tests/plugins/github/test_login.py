"""Logging in with GitHub: over the whole stack of Django, against its stand-in."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.api import OperationError
from core.models import Identity
from plugins.github import login
from plugins.github.login import GitHubLogin
from tests.github_server.fixtures import as_login
from tests.github_server.server import GitHub

pytestmark = pytest.mark.django_db

BASE = "http://testserver"
CALLBACK = f"{BASE}/login/github/callback"


@pytest.fixture
def app(github: GitHub, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """An OAuth app of this deployer; alice of acme and its team ops is at the browser."""
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"base_url": BASE})
    made = as_login(github, monkeypatch, CALLBACK)
    github.person("alice", name="Alice Liddell", email="alice@acme.example")
    github.person("alice", organizations={"Acme": "active", "later": "pending"}, teams={"Acme/ops"})
    return made


def set_out(client: Client) -> str:
    """Where the browser is sent."""
    return client.post("/login/github/").headers["Location"]


def at_github(address: str) -> str:
    """Where GitHub sends the browser back to."""
    answer = httpx.get(address)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def log_in(client: Client) -> Any:
    return client.get(at_github(set_out(client)))


def refused(client: Client) -> str:
    answer = log_in(client)
    assert answer.status_code in (403, 502, 504)
    assert not Identity.objects.exists()
    return " ".join(answer.content.decode().split())


def test_somebody_logs_in_with_organisations_and_teams(client, github, app):
    answer = log_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    identity = Identity.objects.select_related("user").get()
    assert identity.subject == str(github.person("alice").id)
    assert (identity.user.username, identity.user.first_name) == ("github:alice", "Alice Liddell")
    assert identity.groups == ["github:Acme", "github:Acme/ops"]


def test_github_is_asked_for_organisations_alone_with_pkce_and_is_not_asked_again(client, github, app):
    query = parse_qs(urlsplit(set_out(client)).query)
    assert query["scope"] == ["read:org"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [CALLBACK]
    assert "client_secret" not in query
    log_in(client)
    asked = [each.operation for each in github.requests if each.operation != "oauth-authorize"]
    assert asked == [
        "oauth-access_token",
        "users/get-authenticated",
        "orgs/list-for-authenticated-user",
        "teams/list-for-authenticated-user",
    ]


def test_the_token_is_kept_nowhere(client, github, app):
    log_in(client)
    (token,) = [each for each in github.tokens if github.tokens[each].login == "alice"]
    kept = [*User.objects.values_list(), *Identity.objects.values_list(), *client.session.items()]
    assert token not in str(kept)


def test_more_organisations_than_a_page_holds_are_all_known(client, github, app):
    github.person("alice", organizations={f"org-{number:03}": "active" for number in range(130)})
    log_in(client)
    assert len(Identity.objects.get().groups) == 130


def test_who_is_in_a_part_of_a_team_is_in_the_whole():
    team = {"slug": "on-call", "organization": {"login": "acme"}, "parent": {"slug": "ops"}}
    assert list(login._teams([team])) == ["github:acme/on-call", "github:acme/ops"]


def test_a_renamed_person_is_the_same_and_the_next_one_of_that_login_is_not(client, github, app):
    log_in(client)
    alice = github.people.pop("alice")
    alice.login = "alice-b"
    github.people["alice-b"] = alice
    github.login.person = "alice-b"
    log_in(client)
    assert Identity.objects.get().login == "alice-b"
    github.person("alice")
    github.login.person = "alice"
    log_in(Client())
    assert set(User.objects.values_list("username", flat=True)) == {
        "github:alice",
        f"github:alice~{github.person('alice').id}",
    }


def test_who_declines_is_told_that_it_was_cancelled(client, github, app):
    github.login.declines = True
    assert "You cancelled at GitHub" in refused(client)


def test_a_code_that_was_stolen_is_worth_nothing(client, github, app):
    """Injection of a code: the thief's own session has another verifier."""
    thief = Client()
    state = parse_qs(urlsplit(set_out(thief)).query)["state"][0]
    code = parse_qs(urlsplit(at_github(set_out(client))).query)["code"][0]
    answer = thief.get("/login/github/callback", {"state": state, "code": code})
    assert answer.status_code == 403
    assert "does not take the code" in answer.content.decode()
    assert not Identity.objects.exists()


def test_a_code_that_is_too_old_is_told(client, github, app):
    from datetime import timedelta

    address = at_github(set_out(client))
    github.clock = timedelta(minutes=11)
    assert "does not take the code" in client.get(address).content.decode()


def test_a_wrong_secret_is_told_as_what_it_is(client, github, app, monkeypatch):
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_OAUTH_CLIENT_SECRET", "wrong")
    assert "the client&#x27;s secret is wrong" in refused(client)


def test_a_callback_that_is_not_registered_is_told(client, github, app):
    app.callback = "http://elsewhere.example/"
    address = httpx.get(set_out(client)).headers["location"]
    answer = client.get("/login/github/callback", dict(parse_qs(urlsplit(address).query).items()))
    assert answer.status_code == 502
    assert "redirect_uri_mismatch" in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("access_token", 503, "answered 503"),
        ("access_token", 404, "answered what cannot be read|answered 404|does not take the code"),
        ("/user$", 502, "answered 502"),
        ("/user/orgs", 500, "answered 500"),
        ("/user/teams", 403, "Members: read"),
        ("/user$", 401, "does not accept the person who logs in"),
    ],
)
def test_what_github_answers_instead_is_told_and_the_next_time_it_works(client, github, app, path, status, words):
    import re

    github.trouble(status, path, times=1)
    assert re.search(words, refused(client))
    assert log_in(client).status_code == 302


def test_a_connection_that_breaks_is_told(client, github, app):
    github.drop("access_token", times=1)
    assert "cannot be reached" in refused(client)


def test_nobody_at_the_address_is_told(client, app, monkeypatch):
    address = at_github(set_out(client))
    monkeypatch.setenv("DEPLOYER_GITHUB_URL", "http://127.0.0.1:9")
    answer = client.get(address)
    assert answer.status_code == 502
    assert "127.0.0.1:9 cannot be reached" in answer.content.decode()


def test_what_is_missing_is_named(monkeypatch):
    for name in ("DEPLOYER_GITHUB_OAUTH_CLIENT_ID", "DEPLOYER_SECRET_GITHUB_OAUTH_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    missing = GitHubLogin().missing()
    assert "DEPLOYER_GITHUB_OAUTH_CLIENT_ID" in missing
    assert "DEPLOYER_SECRET_GITHUB_OAUTH_CLIENT_SECRET" in missing


async def test_an_answer_that_is_no_account_is_an_error(github, app):
    class Odd:
        async def ask(self, *_: object) -> Any:
            return {"id": "x"}

        async def pages(self, *_: object) -> Any:
            return [None]

    with pytest.raises(OperationError, match="cannot be read"):
        await login._identity(Odd())
