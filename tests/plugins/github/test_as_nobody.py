"""GitHub asked as nobody in particular: public repositories, by git alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.api import CommitStatus, DeploymentStatus, OperationError, RepositoryPlace
from core.testing.conformance.sources import SourceConformance
from core.testing.contexts import attempt_context
from core.testing.git_server import GitServer, WorkTree
from plugins.github.source import GitHubOptions, GitHubSource

NAME = "acme/shop"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """Repositories over HTTP, in the place of GitHub."""
    with GitServer(tmp_path / "server") as server:
        server.create(NAME)
        monkeypatch.setenv("DEPLOYER_GITHUB_URL", server.url(NAME).removesuffix(f"/{NAME}.git"))
        yield server


@pytest.fixture
def work(server: GitServer, tmp_path: Path) -> WorkTree:
    return WorkTree(tmp_path / "work", server.url(NAME))


def place(**options: object) -> RepositoryPlace:
    return RepositoryPlace(name=NAME, options=GitHubOptions(**options))


class TestAsNobody(SourceConformance):
    @pytest.fixture
    def source(self) -> GitHubSource:
        return GitHubSource()

    @pytest.fixture
    def place(self, server: GitServer) -> RepositoryPlace:
        return place()

    @pytest.fixture
    def work(self, server: GitServer, tmp_path: Path) -> WorkTree:
        return WorkTree(tmp_path / "work", server.url(NAME))

    @pytest.fixture
    def nowhere(self, server: GitServer) -> RepositoryPlace:
        return RepositoryPlace(name="acme/nobody", options=GitHubOptions())


async def test_pull_requests_are_left_out_as_nobody_can_tell_which_are_open(work: WorkTree, tmp_path: Path) -> None:
    work.commit("First")
    work.push("main", "HEAD:refs/pull/7/head")
    heads = await GitHubSource().heads(place(), "", attempt_context(tmp_path).data)
    assert [head.ref for head in heads.heads] == ["refs/heads/main"]


async def test_branches_that_do_not_count_are_left_out(work: WorkTree, tmp_path: Path) -> None:
    work.commit("First")
    work.push("main", "HEAD:refs/heads/gh-pages", "HEAD:refs/heads/live-a", "HEAD:refs/heads/live-b")
    data = attempt_context(tmp_path).data
    seen = await GitHubSource().heads(place(branches=("live-*",), exclude=("live-b",)), "", data)
    assert [head.name for head in seen.heads] == ["live-a"]


async def test_nobody_tells_github_anything(server: GitServer) -> None:
    status = CommitStatus(context="deployability", state="success", title="Fine")
    await GitHubSource().report(place(), "a" * 40, status)
    told = DeploymentStatus(id="1", commit="a" * 40, ref="live", environment="shop", state="success")
    await GitHubSource().report_deployment(place(), told)


def test_pages_about_commits_and_refs_are_githubs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOYER_GITHUB_URL", raising=False)
    source = GitHubSource()
    assert source.commit_url(place(), "abc") == "https://github.com/acme/shop/commit/abc"
    assert source.ref_url(place(), "refs/pull/7/head") == "https://github.com/acme/shop/pull/7"
    assert source.ref_url(place(), "refs/heads/a b/<c>") == "https://github.com/acme/shop/tree/a%20b/%3Cc%3E"
    assert source.commit_url(place(repository="other/name"), "abc") == "https://github.com/other/name/commit/abc"


@pytest.mark.parametrize("name", ["shop", "acme/shop/x", "../x", "-a/b", "acme/", "a b/c"])
async def test_a_name_that_github_cannot_have_says_what_to_set(name: str, tmp_path: Path, server: GitServer) -> None:
    odd = RepositoryPlace(name=name, options=GitHubOptions())
    with pytest.raises(OperationError, match="set the option `repository`"):
        await GitHubSource().heads(odd, "", tmp_path)


def test_an_address_that_is_none_says_which_setting_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_GITHUB_URL", "github.example.org")
    with pytest.raises(Exception, match="DEPLOYER_GITHUB_URL"):
        GitHubSource().commit_url(place(), "abc")
