"""Logging in with GitHub, in a browser, with real processes behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from selenium.webdriver.common.by import By

from tests.e2e.browser import browser as chromium
from tests.e2e.harness import Pipeline
from tests.e2e.test_pages import answers, page, press, push, text
from tests.github_server.fixtures import as_login, github
from tests.github_server.server import GitHub

__all__ = ["github"]

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
target = Target("live", "acme/shop:live", [Service("shop", Use("host"))])
recipe = Recipe("web", Use("host", command=["sh", "build.sh"]), platforms=[here], targets=[target])
repositories = [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)]
flavour = Flavour("acme", repositories, builders=["github:acme"], viewers=["github:friends"])
"""


@pytest.fixture
def pipeline(github: GitHub, monkeypatch: pytest.MonkeyPatch, make_pipeline: Callable[[str], Pipeline]) -> Pipeline:
    """A private one, where people log in by a GitHub of their own."""
    as_login(github, monkeypatch, "http://127.0.0.1/login/github/callback")
    monkeypatch.setenv("DEPLOYER_PRIVATE", "1")
    made = make_pipeline(FLAVOUR)
    made.environment["DEPLOYER_BASE_URL"] = page(made, "")
    return made


def test_somebody_logs_in_with_github_and_approves_what_waits(
    pipeline: Pipeline, github: GitHub, tmp_path: Path
) -> None:
    github.person("alice", organizations={"acme": "active"})
    github.person("mallory", organizations={"elsewhere": "active"})
    push(pipeline, "echo built\n")
    pipeline.start("--confirm", "dangerous")
    pipeline.until(lambda: answers(pipeline))
    (job,) = pipeline.until(lambda: pipeline.query("select id from core_job where kind = 'release'"))[0]
    assert "acme" not in requests.get(page(pipeline, "/"), timeout=10).text
    assert requests.get(page(pipeline, "/api/jobs"), timeout=10).status_code == 403

    with chromium(tmp_path / "mallory") as browser:
        github.login.person = "mallory"
        browser.get(page(pipeline, "/"))
        assert press(browser, "Log in with GitHub")
        pipeline.until(lambda: "You may not look here yet" in text(browser, "main"))
        assert "github:elsewhere" in text(browser, "main")

    with chromium(tmp_path / "alice") as browser:
        github.login.person = "alice"
        browser.get(page(pipeline, f"/jobs/{job}/"))
        assert browser.find_element(By.TAG_NAME, "h1").text == "Log in"
        assert press(browser, "Log in with GitHub")
        pipeline.until(lambda: "github:alice" in text(browser, "header"))
        assert browser.current_url == page(pipeline, f"/jobs/{job}/")
        pipeline.until(lambda: press(browser, "Approve"))
        pipeline.until(lambda: "Approved: it starts" in text(browser, "body"))
        pipeline.until(lambda: text(browser, "#log-state") == "complete", seconds=90)
        pipeline.command(
            "shell", "-c", "from django.contrib.auth.models import User; User.objects.update(is_active=False)"
        )
        browser.get(page(pipeline, "/"))
        assert browser.find_element(By.TAG_NAME, "h1").text == "Log in"

    rows = pipeline.query(
        "select verb from core_activity a join auth_user u on u.id = a.user_id where username = 'github:alice' order by a.id"
    )
    assert rows == [("logged in as",), ("approved",)]
