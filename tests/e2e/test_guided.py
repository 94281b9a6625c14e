"""An admin adds a service step by step, in a browser, against real processes."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.e2e.browser import browser as chromium
from tests.e2e.harness import NAME, Pipeline
from tests.e2e.test_pages import answers, log_in, page, press, text

FLAVOUR = "from core.api import Flavour\nflavour = Flavour('acme')\n"
HERE = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"


def fill(browser: Chrome, name: str, value: str) -> None:
    """Type into a field, or choose from it."""
    field = browser.find_element(By.NAME, name)
    if field.tag_name == "select":
        Select(field).select_by_visible_text(value)
        return
    field.clear()
    field.send_keys(value)


def value(browser: Chrome, name: str) -> str:
    return str(browser.find_element(By.NAME, name).get_attribute("value"))


def test_a_service_is_added_step_by_step_and_becomes_live(
    make_pipeline: Callable[[str], Pipeline], tmp_path: Path
) -> None:
    pipeline = make_pipeline(FLAVOUR)
    pipeline.work.write("page.html", "<h1>Hello</h1>")
    commit = pipeline.work.commit("Sell <b>more</b>")
    pipeline.work.push("main:live")
    pipeline.start()
    pipeline.until(lambda: answers(pipeline))
    with chromium(tmp_path / "chromium") as browser:

        def sees(words: str, where: str = ".guided") -> None:
            pipeline.until(lambda: words in text(browser, where))

        log_in(pipeline, browser)
        boss = "from django.contrib.auth.models import User; User.objects.update(is_staff=True, is_superuser=True)"
        assert pipeline.command("shell", "-c", boss).returncode == 0
        browser.get(page(pipeline, "/"))
        assert press(browser, "add a service")
        sees("1. Repository")

        # A wrong address is told while it is typed, and what was typed stays.
        fill(browser, "name", "acme/shop")
        fill(browser, "source", "git")
        fill(browser, "options.git.url", pipeline.server.url("acme/none"))
        sees("✗", ".plugin-options [data-option=url]")
        browser.refresh()
        assert (value(browser, "name"), value(browser, "options.git.url")[-13:]) == ("acme/shop", "acme/none.git")
        fill(browser, "options.git.url", pipeline.server.url(NAME))
        sees("It is there", ".plugin-options [data-option=url]")
        press(browser, "Next")

        sees("2. Recipe")
        fill(browser, "builder", "host")
        fill(browser, "platforms", HERE)
        press(browser, "Next")
        sees("required", ".plugin-options [data-option=command]")
        fill(browser, "options.host.command", "true")
        sees("It builds on the runner's own host")
        press(browser, "Next")

        # A branch that is not there is told, with those that are.
        sees("3. Target")
        fill(browser, "branch", "prod")
        fill(browser, "image", "acme/shop:live")
        sees("There is no branch prod; there are: live")
        press(browser, "Back")
        sees("2. Recipe")
        assert value(browser, "options.host.command") == "true"
        press(browser, "Next")
        sees("3. Target")
        assert value(browser, "branch") == "prod"
        fill(browser, "branch", "live")
        sees("live is at " + commit[:10])
        assert "Sell <b>more</b>" in text(browser, ".guided")
        press(browser, "Next")

        sees("4. Service")
        fill(browser, "deployer", "host")
        sees("This host answers")
        press(browser, "Show the plan")

        sees("Once it is saved")
        pipeline.until(lambda: "deploy" in text(browser, "#plan-steps") and commit[:10] in text(browser, "#plan-steps"))
        assert 'Repository(\n    name="acme/shop"' in str(
            browser.execute_script("return document.getElementById('snippet').textContent")
        )
        assert pipeline.query("select count(*) from core_repository") == [(0,)], "nothing is saved yet"
        press(browser, "Save")
        pipeline.until(lambda: "shop" in text(browser, "h1"))
        pipeline.until(lambda: pipeline.live_commit() == commit)
    told = pipeline.query("select verb, label from core_activity where verb = 'added' order by id")
    assert [label for _, label in told] == ["acme/shop", "acme/shop: web", "live as acme/shop:live", "shop"]
