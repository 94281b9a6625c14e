"""From a push at GitHub to what GitHub shows of it, with the real processes and a GitHub that keeps to its schemas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.testing.git_server import WorkTree
from tests.e2e.harness import Pipeline
from tests.github_server.fixtures import SECRET, as_app, github
from tests.github_server.repositories import Repository
from tests.github_server.server import GitHub

__all__ = ["github"]

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
service = Service("shop", Use("host", activate=["sh", "activate.sh"]), uri="https://shop.example.org")
target = Target("live", "acme/shop:live", [service])
recipe = Recipe("web", Use("host", command=["sh", "build.sh"]), platforms=[here], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("github"), [recipe], poll=POLL)])
"""
FAILS = "echo Collecting nosuchthing; echo 'ERROR: No matching distribution found for nosuchthing==1.0'; exit 1\n"


@pytest.fixture
def repository(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> Repository:
    as_app(github, monkeypatch, acme=None)
    return github.repository("acme/shop", private=True)


@pytest.fixture
def work(github: GitHub, repository: Repository, tmp_path: Path) -> WorkTree:
    work = github.work(repository, tmp_path / "at-github")
    work.write("build.sh", "echo built\n")
    work.write("activate.sh", "echo moved\n")
    return work


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline], work: WorkTree) -> Pipeline:
    """One that polls so rarely that only a webhook can have told it."""
    return make_pipeline(FLAVOUR.replace("POLL", "86400"))


def told(github: GitHub, pipeline: Pipeline, event: str, repository: Repository, **about: Any) -> None:
    """Have GitHub send a webhook, as soon as the web answers."""
    url = f"http://127.0.0.1:{pipeline.port}/webhooks/github"

    def sent() -> bool:
        try:
            (answer,) = github.deliver(event, url, SECRET, repository=repository, **about)
        except OSError:
            return False
        except Exception as error:
            if "Connect" in type(error).__name__:
                return False
            raise
        assert answer.status_code == 202, answer.text
        return True

    pipeline.until(sent)


def check(repository: Repository, commit: str) -> dict[str, Any]:
    """The newest check of a commit; empty where it has none."""
    return next((run for run in reversed(repository.check_runs) if run["head_sha"] == commit), {})


def test_a_push_goes_live_and_github_shows_it(
    github: GitHub, repository: Repository, work: WorkTree, pipeline: Pipeline
) -> None:
    work.commit("First")
    work.push("main")
    pipeline.start()
    pipeline.until(lambda: pipeline.query("select looked_at from core_repository where looked_at is not null"))
    commit = work.commit("Second")
    work.push("main:live")
    told(github, pipeline, "push", repository)
    pipeline.until(lambda: pipeline.live_commit() == commit)
    run = pipeline.until(lambda: (found := check(repository, commit)).get("conclusion") and found)
    assert (run["conclusion"], run["output"]["title"]) == ("success", "It can be deployed")
    assert "| web | [✅ done](" in run["output"]["summary"]
    (deployment,) = pipeline.until(lambda: repository.deployments)
    assert (deployment["environment"], deployment["sha"]) == ("shop", commit)
    statuses = repository.deployment_statuses
    pipeline.until(lambda: statuses.get(deployment["id"], [{}])[-1].get("state") == "success")
    assert statuses[deployment["id"]][-1]["environment_url"] == "https://shop.example.org"


def test_a_red_pull_request_says_why_and_is_built_again_from_githubs_page(
    github: GitHub, repository: Repository, work: WorkTree, pipeline: Pipeline
) -> None:
    work.commit("First")
    work.push("main")
    work.write("build.sh", FAILS)
    commit = work.commit("Use nosuchthing")
    work.push("HEAD:refs/heads/topic")
    repository.pull_request(7, commit, title="Use nosuchthing", branch="topic")
    pipeline.start()
    run = pipeline.until(lambda: (found := check(repository, commit)).get("conclusion") and found)
    assert run["conclusion"] == "failure"
    assert "nosuchthing" in run["output"]["title"]
    assert "No matching distribution found for nosuchthing==1.0" in run["output"]["text"]
    assert [action["identifier"] for action in run["actions"]] == ["rebuild"]
    builds = "select count(*) from core_job where kind = 'build' and commit_id in (select id from core_commit where hash = ?)"
    before = pipeline.query(builds, commit)[0][0]
    about = {"check_run": {"head_sha": commit}, "requested_action": {"identifier": "rebuild"}}
    told(github, pipeline, "check_run", repository, action="requested_action", changes=about)
    pipeline.until(lambda: pipeline.query(builds, commit)[0][0] == before + 1)
    who = pipeline.query("select outcome from core_delivery where event = 'check_run.requested_action'")
    assert who[0][0].startswith("rebuilt 1 build for github:")
    newest = pipeline.query("select max(id) from core_job where kind = 'build'")[0][0]
    pipeline.until(lambda: check(repository, commit)["details_url"].endswith(f"/jobs/{newest}/"))


def test_a_push_whose_webhook_was_lost_is_found_by_polling(
    github: GitHub, work: WorkTree, make_pipeline: Callable[[str], Pipeline]
) -> None:
    pipeline = make_pipeline(FLAVOUR.replace("POLL", "1"))
    work.commit("First")
    work.push("main")
    pipeline.start()
    pipeline.until(lambda: pipeline.query("select looked_at from core_repository where looked_at is not null"))
    commit = work.commit("Second")
    work.push("main:live")
    pipeline.until(lambda: pipeline.live_commit() == commit)


def test_what_was_not_told_while_github_did_not_answer_is_told_when_it_does(
    github: GitHub, repository: Repository, work: WorkTree, pipeline: Pipeline
) -> None:
    commit = work.commit("First")
    work.push("main:live")
    github.trouble(502, r"check-runs")
    pipeline.start()
    pipeline.until(lambda: pipeline.live_commit() == commit)
    pipeline.until(lambda: pipeline.query("select error from core_message where key like 'status:%' and failures > 0"))
    pipeline.kill()
    github.troubles.clear()
    pipeline.start()
    run = pipeline.until(lambda: (found := check(repository, commit)).get("conclusion") and found, seconds=90)
    assert run["conclusion"] == "success"
    assert len(repository.check_runs) == 1
