"""Fixtures: a GitHub of a test's own, asked as an app or as a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.github_server import published
from tests.github_server.accounts import OAuthApp
from tests.github_server.server import GitHub

SECRET = "It's a Secret to Everybody"


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A GitHub, which is the one that is asked. Every question that its description does not allow fails the test."""
    published.openapi()
    with GitHub(tmp_path / "github") as github:
        monkeypatch.setenv("DEPLOYER_GITHUB_URL", github.url)
        monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_WEBHOOK_SECRET", SECRET)
        yield github
    assert not github.violations, github.violations


def as_app(github: GitHub, monkeypatch: pytest.MonkeyPatch, **installed: set[str] | None) -> None:
    """Ask as an app that is installed at these accounts, with all repositories or with those named."""
    app, key = github.app(installed=installed or {"acme": None})
    monkeypatch.setenv("DEPLOYER_GITHUB_APP_ID", str(app.id))
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_PRIVATE_KEY", key)


def as_person(github: GitHub, monkeypatch: pytest.MonkeyPatch, login: str = "alice") -> None:
    """Ask by a personal token."""
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_TOKEN", github.token(login).value)


def as_login(github: GitHub, monkeypatch: pytest.MonkeyPatch, callback: str, person: str = "alice") -> OAuthApp:
    """Have people log in by it; this person sits at the browser (`github.login.person`)."""
    app = github.oauth_app(callback)
    monkeypatch.setenv("DEPLOYER_GITHUB_OAUTH_CLIENT_ID", app.client_id)
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_OAUTH_CLIENT_SECRET", app.client_secret)
    github.login.person = github.person(person).login
    return app
