"""A stand-in of its own for the tests of the stand-in, and people who ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from core.testing.git_server import WorkTree
from tests.github_server import published
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    published.openapi()
    with GitHub(tmp_path / "github") as github:
        yield github
    answers = [each for each in github.violations if "the stand-in" in each]
    assert not answers, answers


@pytest.fixture
def repository(github: GitHub) -> Repository:
    return github.repository("acme/shop")


@pytest.fixture
def commit(github: GitHub, repository: Repository, tmp_path: Path) -> str:
    work: WorkTree = github.work(repository, tmp_path / "work")
    hash = work.commit("First\n\nWith a body")
    work.push("main")
    return hash


Client = Callable[..., httpx.Client]


@pytest.fixture
def asking(github: GitHub) -> Iterator[Client]:
    """Makes a client that asks by a token or a JWT; by none where it is empty."""
    made: list[httpx.Client] = []

    def make(bearer: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        made.append(httpx.Client(base_url=f"{github.url}/api/v3", headers=headers, timeout=20))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(github: GitHub, asking: Client) -> httpx.Client:
    """Alice."""
    return asking(github.token("alice").value)


def signed(github: GitHub, issuer: Any, key: str, *, issued: float = -60, expires: float = 540) -> str:
    """An app's JWT, with times from the stand-in's now on."""
    now = int(github.now().timestamp())
    return jwt.encode({"iat": now + issued, "exp": now + expires, "iss": str(issuer)}, key, algorithm="RS256")
