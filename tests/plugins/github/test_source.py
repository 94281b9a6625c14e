"""The source `github` against a GitHub that answers by its published schemas."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core.api import ConfigurationError, Heads, OperationError, RefKind, RepositoryPlace, Waiting
from core.testing.conformance.sources import SourceConformance
from core.testing.contexts import attempt_context
from core.testing.git_server import WorkTree
from plugins.github.source import GitHubOptions, GitHubSource
from tests.github_server.fixtures import as_app, as_person
from tests.github_server.server import GitHub
from tests.github_server.state import Repository

NAME = "acme/shop"


def place(name: str = NAME, **options: object) -> RepositoryPlace:
    return RepositoryPlace(name=name, options=GitHubOptions(**options))


async def look(validator: str = "", name: str = NAME, **options: object) -> Heads:
    return await GitHubSource().heads(place(name, **options), validator, Path("/nowhere"))


def refs(heads: Heads) -> dict[str, str]:
    return {head.ref: head.commit.hash for head in heads.heads}


@pytest.fixture
def repository(github: GitHub) -> Repository:
    return github.repository(NAME)


@pytest.fixture
def work(github: GitHub, repository: Repository, tmp_path: Path) -> WorkTree:
    return github.work(repository, tmp_path / "work")


@pytest.fixture
def app(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(github, monkeypatch)


class Common(SourceConformance):
    @pytest.fixture
    def source(self) -> GitHubSource:
        return GitHubSource()

    @pytest.fixture
    def place(self, repository: Repository) -> RepositoryPlace:
        return place()

    @pytest.fixture
    def work(self, github: GitHub, repository: Repository, tmp_path: Path) -> WorkTree:
        return github.work(repository, tmp_path / "work")

    @pytest.fixture
    def nowhere(self, github: GitHub) -> RepositoryPlace:
        return place("acme/nobody")


class TestAsApp(Common):
    @pytest.fixture(autouse=True)
    def _as_app(self, app: None) -> None:
        pass

    @pytest.fixture
    def repository(self, github: GitHub) -> Repository:
        return github.repository(NAME, private=True)


class TestAsPerson(Common):
    @pytest.fixture(autouse=True)
    def _as_person(self, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
        as_person(github, monkeypatch)


# What is seen


@pytest.mark.usefixtures("app")
async def test_there_are_as_many_pages_as_it_takes(repository: Repository, work: WorkTree) -> None:
    hash = work.commit("First")
    work.push("main")
    for number in range(249):
        repository.run("update-ref", f"refs/heads/b{number:03d}", hash)
    for number in range(1, 131):
        repository.pull_request(number, hash)
    heads = (await look()).heads
    assert sum(head.kind is RefKind.BRANCH for head in heads) == 250
    assert sum(head.kind is RefKind.PULL_REQUEST for head in heads) == 130
    assert len({head.ref for head in heads}) == 380


@pytest.mark.usefixtures("app")
async def test_a_pull_request_is_told_with_what_people_know_it_by(repository: Repository, work: WorkTree) -> None:
    work.commit("First")
    work.push("main")
    hash = work.commit("Please")
    work.push("HEAD:refs/heads/topic")
    repository.pull_request(7, hash, title="Please take it", base="live")
    head = next(head for head in (await look()).heads if head.kind is RefKind.PULL_REQUEST)
    assert (head.ref, head.title, head.base) == ("refs/pull/7/head", "Please take it", "live")
    assert head.url.endswith("/acme/shop/pull/7")
    assert (head.commit.hash, head.commit.title, head.trusted) == (hash, "Please", True)


@pytest.mark.usefixtures("app")
async def test_a_strangers_pull_request_is_not_trusted_unless_everybody_is(
    repository: Repository, work: WorkTree
) -> None:
    hash = work.commit("First")
    work.push("main")
    repository.pull_request(7, hash, fork=True, branch_gone=True)

    def trusted(heads: Heads) -> bool:
        return next(head.trusted for head in heads.heads if head.kind is RefKind.PULL_REQUEST)

    assert not trusted(await look())
    assert trusted(await look(trust_forks=True))


@pytest.mark.usefixtures("app")
async def test_a_pull_request_that_is_closed_is_gone(repository: Repository, work: WorkTree) -> None:
    hash = work.commit("First")
    work.push("main")
    pull = repository.pull_request(7, hash)
    before = await look()
    assert "refs/pull/7/head" in refs(before)
    pull.open = False
    assert "refs/pull/7/head" not in refs(await look(before.validator))


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("change", ["title", "base"])
async def test_a_pull_request_that_is_called_otherwise_is_a_change(
    repository: Repository, work: WorkTree, change: str
) -> None:
    hash = work.commit("First")
    work.push("main")
    pull = repository.pull_request(7, hash)
    before = await look()
    assert (await look(before.validator)).unchanged
    setattr(pull, change, "another")
    assert not (await look(before.validator)).unchanged


@pytest.mark.usefixtures("app")
async def test_what_does_not_count_is_left_out(repository: Repository, work: WorkTree) -> None:
    hash = work.commit("First")
    work.push("main", "HEAD:refs/heads/gh-pages", "HEAD:refs/heads/live-a")
    repository.pull_request(7, hash)
    assert set(refs(await look())) == {"refs/heads/main", "refs/heads/live-a", "refs/pull/7/head"}
    assert set(refs(await look(branches=("live-*",), pull_requests=False))) == {"refs/heads/live-a"}


@pytest.mark.usefixtures("app")
async def test_a_strangers_commit_is_checked_out(repository: Repository, work: WorkTree, tmp_path: Path) -> None:
    work.commit("First")
    work.push("main")
    work.write("new.txt", "from elsewhere")
    hash = work.commit("Please")
    work.push("HEAD:refs/pull/7/head")
    repository.pull_request(7, hash, fork=True, branch_gone=True)
    await GitHubSource().checkout(place(), hash, tmp_path / "out", attempt_context(tmp_path))
    assert (tmp_path / "out" / "new.txt").read_text() == "from elsewhere"


# What it costs


@pytest.mark.usefixtures("app")
async def test_polling_a_hundred_repositories_costs_ten_questions(github: GitHub, tmp_path: Path) -> None:

    for number in range(100):
        github.repository(f"acme/r{number}")
    names = [f"acme/r{number}" for number in range(100)]
    before = await asyncio.gather(*(look(name=name) for name in names))
    github.requests.clear()
    used = github.limit(github.asked()[-1].who if github.asked() else _installation(github), "graphql").used
    after = await asyncio.gather(*(look(each.validator, name=name) for each, name in zip(before, names, strict=True)))
    assert all(each.unchanged for each in after)
    assert len(github.requests) == 10
    assert github.limit(_installation(github), "graphql").used - used == 10


def _installation(github: GitHub) -> str:
    (app,) = github.apps.values()
    (installation,) = app.installations.values()
    return f"installation-{installation.id}"


@pytest.mark.usefixtures("app")
async def test_a_token_is_made_once_and_anew_before_it_ends(github: GitHub, repository: Repository) -> None:
    for _ in range(3):
        await look()
    assert len(github.asked("apps/create-installation-access-token")) == 1
    github.clock += timedelta(minutes=51)
    await look()  # this answer tells what the time is
    await look()
    assert len(github.asked("apps/create-installation-access-token")) == 2
    github.clock += timedelta(minutes=15)
    await look()


async def test_each_account_has_a_token_of_its_own(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(github, monkeypatch, acme=None, other=None)
    for name in ("acme/a", "acme/b", "other/c"):
        github.repository(name, private=True)
        await look(name=name)
    assert len(github.asked("apps/create-installation-access-token")) == 2


# What goes wrong


@pytest.mark.usefixtures("app")
async def test_an_app_that_is_not_installed_says_where_to_install_it(github: GitHub) -> None:
    github.repository("stranger/shop")
    with pytest.raises(OperationError, match=r"not installed for stranger/shop: install it .*/installations"):
        await look(name="stranger/shop")


@pytest.mark.usefixtures("app")
async def test_an_app_that_does_not_exist_says_which_setting_is_wrong(
    github: GitHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.apps.clear()
    with pytest.raises(OperationError, match=r"DEPLOYER_GITHUB_APP_ID|does not accept the app"):
        await look()


@pytest.mark.usefixtures("app")
async def test_a_missing_permission_to_read_is_named(github: GitHub, repository: Repository) -> None:
    (app,) = github.apps.values()
    del app.permissions["pull_requests"]
    repository.private = True
    with pytest.raises(OperationError, match="it needs the permissions `Contents: read` and `Pull requests: read`"):
        await look()


@pytest.mark.usefixtures("app")
async def test_an_app_that_is_uninstalled_and_installed_again_recovers(github: GitHub, repository: Repository) -> None:
    await look()
    (app,) = github.apps.values()
    installed = app.installations.pop("acme")
    with pytest.raises(OperationError):
        await look()
    with pytest.raises(OperationError, match="not installed"):
        await look()
    installed.id += 1
    app.installations["acme"] = installed
    await look()


@pytest.mark.usefixtures("app")
async def test_a_suspended_installation_says_so_and_recovers(github: GitHub, repository: Repository) -> None:
    (app,) = github.apps.values()
    app.installations["acme"].suspended = True
    with pytest.raises(OperationError, match="suspended"):
        await look()
    app.installations["acme"].suspended = False
    await look()


@pytest.mark.usefixtures("app")
async def test_a_repository_that_the_app_was_not_given_is_not_found(
    github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_app(github, monkeypatch, acme={"acme/shop"})
    github.repository("acme/shop", private=True)
    github.repository("acme/secret", private=True)
    await look()
    with pytest.raises(OperationError, match="the app was not given it"):
        await look(name="acme/secret")


@pytest.mark.usefixtures("app")
async def test_one_repository_that_is_gone_spoils_no_look_at_others(github: GitHub) -> None:

    for name in ("acme/a", "acme/b"):
        github.repository(name)
    await look(name="acme/a")
    first, second, third = await asyncio.gather(
        look(name="acme/a"), look(name="acme/gone"), look(name="acme/b"), return_exceptions=True
    )
    assert isinstance(first, Heads)
    assert isinstance(second, OperationError)
    assert isinstance(third, Heads)


@pytest.mark.usefixtures("app")
async def test_a_renamed_repository_is_followed_and_the_new_name_is_told(
    github: GitHub, repository: Repository, work: WorkTree, tmp_path: Path
) -> None:
    hash = work.commit("First")
    work.push("main")
    github.rename(repository, "acme", "store")
    heads = await look()
    assert heads.renamed_to == "acme/store"
    assert "acme/store" in heads.notice
    await GitHubSource().checkout(place(), hash, tmp_path / "out", attempt_context(tmp_path))


@pytest.mark.usefixtures("app")
async def test_a_revoked_token_is_made_anew(github: GitHub, repository: Repository) -> None:
    await look()
    github.tokens.clear()
    with pytest.raises(OperationError, match="does not accept"):
        await look()
    await look()


async def test_a_personal_token_that_was_revoked_is_read_again(
    github: GitHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_person(github, monkeypatch)
    await look()
    github.tokens.clear()
    with pytest.raises(OperationError, match="does not accept the personal token"):
        await look()
    as_person(github, monkeypatch)
    with pytest.raises(OperationError):
        await look()
    await look()


@pytest.mark.usefixtures("app")
async def test_ten_minutes_of_errors_are_told_and_over_when_they_are_over(
    github: GitHub, repository: Repository
) -> None:
    github.trouble(502, message="Bad Gateway")
    for _ in range(3):
        with pytest.raises(OperationError, match=r"answered 502: Bad Gateway"):
            await look()
    github.troubles.clear()
    await look()


@pytest.mark.usefixtures("app")
async def test_nothing_is_asked_while_there_are_no_points(github: GitHub, repository: Repository) -> None:
    await look()
    github.limit(_installation(github), "graphql").used = 4999
    await look()
    asked = len(github.requests)
    with pytest.raises(Waiting) as caught:
        await look()
    assert 3500 < caught.value.retry_in <= 3600
    assert len(github.requests) == asked
    github.clock += timedelta(minutes=61)
    github.requests.clear()


@pytest.mark.usefixtures("app")
async def test_a_limit_that_others_used_up_is_waited_for(github: GitHub, repository: Repository) -> None:
    await look()
    github.limit(_installation(github), "graphql").used = 5000
    with pytest.raises(Waiting, match="used up"):
        await look()


@pytest.mark.usefixtures("app")
async def test_polling_slows_down_before_the_points_are_used_up(github: GitHub, repository: Repository) -> None:
    assert (await look()).poll_after == 0
    github.limit(_installation(github), "graphql").used = 4000
    assert 300 < (await look()).poll_after < 3600


@pytest.mark.usefixtures("app")
async def test_a_secondary_limit_is_obeyed(github: GitHub, repository: Repository) -> None:
    await look()
    said = "You have exceeded a secondary rate limit."
    github.trouble(403, "graphql", times=1, headers={"Retry-After": "17"}, message=said)
    with pytest.raises(Waiting) as caught:
        await look()
    assert caught.value.retry_in == 17


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("minutes", [-5, 5])
async def test_a_clock_that_is_five_minutes_off_does_no_harm(
    github: GitHub, repository: Repository, minutes: int
) -> None:
    github.clock = timedelta(minutes=minutes)
    await look()
    facts = GitHubSource().facts()
    assert any(fact.label == "clock" and "5.0 minutes" in fact.text and fact.warning for fact in facts)


@pytest.mark.usefixtures("app")
async def test_what_is_left_of_the_points_is_told(github: GitHub, repository: Repository) -> None:
    await look()
    (points,) = [fact for fact in GitHubSource().facts() if fact.label.startswith("graphql")]
    assert points.text.startswith("about 100 % of 5,000 points left until")
    assert not points.warning
    github.limit(_installation(github), "graphql").used = 4900
    await look()
    assert any(fact.warning for fact in GitHubSource().facts())


async def test_a_key_that_is_none_says_so(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(github, monkeypatch)
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_PRIVATE_KEY", "no key")
    with pytest.raises(ConfigurationError, match="no RSA key in PEM"):
        await look()


async def test_half_of_an_app_says_which_half_is_missing(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(github, monkeypatch)
    monkeypatch.delenv("DEPLOYER_GITHUB_APP_ID")
    with pytest.raises(ConfigurationError, match="set DEPLOYER_GITHUB_APP_ID"):
        await look()


async def test_another_apps_key_is_not_accepted(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(github, monkeypatch)
    _, other = github.app(installed={})
    monkeypatch.setenv("DEPLOYER_SECRET_GITHUB_PRIVATE_KEY", other)
    with pytest.raises(OperationError, match="does not accept the app"):
        await look()


async def test_something_else_at_the_address_is_an_error_that_can_be_read(
    github: GitHub, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_person(github, monkeypatch)
    monkeypatch.setenv("DEPLOYER_GITHUB_URL", "http://127.0.0.1:9")
    with pytest.raises(OperationError, match="cannot be reached"):
        await look()
