"""Login by GitHub, at the stand-in: OAuth's authorization code with PKCE."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from tests.github_server.accounts import OAuthApp
from tests.github_server.conftest import Client
from tests.github_server.server import GitHub

CALLBACK = "https://d.example.org/login/github/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def app(github: GitHub) -> OAuthApp:
    github.login.person = github.person("alice", organizations={"acme": "active"}, teams={"acme/ops"}).login
    return github.oauth_app(CALLBACK)


def authorize(github: GitHub, app: OAuthApp, **about: str) -> httpx.Response:
    asked = {"client_id": app.client_id, "redirect_uri": CALLBACK, "state": "s", "scope": "read:org", **about}
    asked = {"code_challenge": CHALLENGE, "code_challenge_method": "S256", **asked}
    return httpx.get(f"{github.url}/login/oauth/authorize", params=asked)


def said(answer: httpx.Response) -> dict[str, str]:
    """What the browser brings back to the app."""
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def exchange(github: GitHub, app: OAuthApp, code: str, **about: str) -> dict[str, Any]:
    body = {"client_id": app.client_id, "client_secret": app.client_secret, "code": code, "code_verifier": VERIFIER}
    url, headers = f"{github.url}/login/oauth/access_token", {"Accept": "application/json"}
    answer = httpx.post(url, data={**body, "redirect_uri": CALLBACK, **about}, headers=headers)
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_person_is_known_by_what_they_granted(github: GitHub, app: OAuthApp, asking: Client) -> None:
    back = said(authorize(github, app))
    assert back["state"] == "s"
    granted = exchange(github, app, back["code"])
    assert (granted["token_type"], granted["scope"]) == ("bearer", "read:org")
    client = asking(granted["access_token"])
    person = client.get("/user").json()
    assert (person["login"], person["id"]) == ("alice", github.person("alice").id)
    assert [each["login"] for each in client.get("/user/orgs").json()] == ["acme"]
    assert [(each["organization"]["login"], each["slug"]) for each in client.get("/user/teams").json()] == [
        ("acme", "ops")
    ]
    assert [each["state"] for each in client.get("/user/memberships/orgs").json()] == ["active"]
    assert github.violations == []


def test_a_token_without_the_scope_tells_nothing_of_organisations(
    github: GitHub, app: OAuthApp, asking: Client
) -> None:
    client = asking(exchange(github, app, said(authorize(github, app, scope=""))["code"])["access_token"])
    statuses = [client.get(f"/user{path}").status_code for path in ("", "/orgs", "/teams", "/memberships/orgs")]
    assert statuses == [200, 403, 404, 403]


def test_a_membership_that_was_not_accepted_does_not_count(github: GitHub, app: OAuthApp, client: httpx.Client) -> None:
    github.person("alice", organizations={"acme": "pending"})
    assert client.get("/user/orgs").json() == []
    assert client.get("/user/teams").json() == []
    assert [each["state"] for each in client.get("/user/memberships/orgs").json()] == ["pending"]


def test_a_code_holds_once(github: GitHub, app: OAuthApp) -> None:
    code = said(authorize(github, app))["code"]
    assert "access_token" in exchange(github, app, code)
    assert exchange(github, app, code)["error"] == "bad_verification_code"


def test_a_code_holds_ten_minutes(github: GitHub, app: OAuthApp) -> None:
    code = said(authorize(github, app))["code"]
    github.clock = timedelta(minutes=11)
    assert exchange(github, app, code)["error"] == "bad_verification_code"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        pytest.param({"code_verifier": "w" * 43}, "bad_verification_code", id="somebody else's"),
        pytest.param({"client_secret": "x"}, "incorrect_client_credentials", id="a wrong secret"),
        pytest.param({"redirect_uri": "https://evil.example.org/"}, "redirect_uri_mismatch", id="another address"),
    ],
)
def test_what_is_wrong_in_the_exchange_is_told_with_status_200(
    github: GitHub, app: OAuthApp, wrong: dict[str, str], error: str
) -> None:
    assert exchange(github, app, said(authorize(github, app))["code"], **wrong)["error"] == error


def test_an_answer_is_a_form_unless_json_is_asked_for(github: GitHub, app: OAuthApp) -> None:
    body = {"client_id": app.client_id, "client_secret": app.client_secret, "code": "x"}
    answer = httpx.post(f"{github.url}/login/oauth/access_token", json=body)
    assert dict(parse_qsl(answer.text))["error"] == "bad_verification_code"


def test_who_declines_is_sent_back_with_that(github: GitHub, app: OAuthApp) -> None:
    github.login.declines = True
    back = said(authorize(github, app))
    assert (back["error"], back["state"]) == ("access_denied", "s")
    assert "code" not in back


def test_nobody_is_sent_to_an_address_that_is_not_registered(github: GitHub, app: OAuthApp) -> None:
    for address in ("https://evil.example.org/", f"{CALLBACK}-else", CALLBACK.replace("https", "http")):
        assert said(authorize(github, app, redirect_uri=address))["error"] == "redirect_uri_mismatch"
    assert "code" in said(authorize(github, app, redirect_uri=f"{CALLBACK}/below"))


def test_an_unknown_app_and_a_plain_challenge_are_refused(github: GitHub, app: OAuthApp) -> None:
    assert authorize(github, app, client_id="nobody").status_code == 404
    assert authorize(github, app, code_challenge_method="plain").status_code == 400
    assert authorize(github, app, redirect="x").status_code == 302
    assert len(github.violations) == 2


def test_a_browser_where_nobody_is_signed_in_stays_there(github: GitHub, app: OAuthApp) -> None:
    github.login.person = ""
    assert "Sign in" in authorize(github, app).text
