"""The pages in a browser, with real processes behind them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.e2e.browser import browser as chromium
from tests.e2e.harness import Pipeline

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
target = Target("live", "acme/shop:live", [Service("shop", Use("host"))])
recipe = Recipe("web", Use("host", command=["sh", "build.sh"]), platforms=[here], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)], admins=["ann"])
"""
#: Goes on for a few seconds, so that a page is opened while it does; with all that a log may hold.
BUILD = r"""
printf 'the first line\n'
printf '\033[32mgreen\033[0m <script>document.title = "forged"</script> \377\376 \000 é\n'
for number in $(seq 1 3000); do echo "line $number of the build"; [ $((number % 100)) = 0 ] && sleep 0.1; done
printf 'no newline at the end'
"""


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline]) -> Pipeline:
    return make_pipeline(FLAVOUR)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    with chromium(tmp_path / "chromium") as driver:
        yield driver


def push(pipeline: Pipeline, script: str) -> None:
    pipeline.work.write("build.sh", script)
    pipeline.work.commit("Sell <b>more</b>")
    pipeline.work.push("main:live")


def page(pipeline: Pipeline, path: str) -> str:
    return f"http://127.0.0.1:{pipeline.port}{path}"


def answers(pipeline: Pipeline) -> bool:
    try:
        return requests.get(page(pipeline, "/healthz"), timeout=2).ok
    except requests.ConnectionError:
        return False


def text(browser: Chrome, selector: str) -> str:
    """What an element says; nothing while the page is being changed."""
    script = "return document.querySelector(arguments[0])?.innerText ?? ''"
    return str(browser.execute_script(script, selector))


def press(browser: Chrome, label: str) -> bool:
    """Press what has this label, at one moment: a live page may put another in its place at the next."""
    script = """
        const found = [...document.querySelectorAll("button, a")].find((each) => each.textContent.trim() === arguments[0]);
        found?.click();
        return Boolean(found);
    """
    return bool(browser.execute_script(script, label))


def log_in(pipeline: Pipeline, browser: Chrome) -> None:
    """As somebody whom the flavour names among its admins."""
    script = "from django.contrib.auth.models import User; User.objects.create_user('ann', password='secret-word')"
    assert pipeline.command("shell", "-c", script).returncode == 0
    browser.get(page(pipeline, "/login/"))
    browser.find_element(By.NAME, "username").send_keys("ann")
    browser.find_element(By.NAME, "password").send_keys("secret-word")
    browser.find_element(By.CSS_SELECTOR, "form.login button").click()
    pipeline.until(lambda: "Log out" in text(browser, "header"))


def shown(browser: Chrome) -> str:
    """The log as somebody sees who scrolls through all of it."""
    script = """
        const done = arguments[0];
        const box = document.getElementById("log");
        const seen = new Map();
        const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        const gather = async () => {
          for (let tries = 0; tries < 500; tries += 1) {
            await frame();
            if (!box.querySelector(".awaited")) break;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          for (const row of box.querySelectorAll(".row")) {
            seen.set(Number(row.querySelector(".number").textContent), row.querySelector(".text").textContent);
          }
        };
        (async () => {
          for (let top = 0; top < box.scrollHeight; top += box.clientHeight / 2 || 100) {
            box.scrollTop = top;
            await gather();
          }
          document.getElementById("log-follow").click();
          await gather();
          const lines = [...seen].sort((a, b) => a[0] - b[0]);
          done(lines.every(([number], index) => number === index + 1) ? lines.map(([, text]) => text).join("\\n") : "gaps");
        })();
    """
    return str(browser.execute_async_script(script))


def whole(pipeline: Pipeline, job: int) -> str:
    """The log as it is kept, as a browser shows it."""
    (log,) = next(row for row in pipeline.query("select log from core_job where id = ?", job))
    text = (pipeline.data / "logs" / log).read_bytes().decode(errors="replace")
    return text.replace("\033[32m", "").replace("\033[0m", "").replace("\0", "\ufffd").rstrip("\n")


def first_running(pipeline: Pipeline) -> int | None:
    rows = pipeline.query("select id from core_job where state = 'running'")
    return rows[0][0] if rows else None


def test_a_log_is_live_and_complete_however_late_one_joins_and_whatever_happens_to_the_web(
    pipeline: Pipeline, browser: Chrome
) -> None:
    push(pipeline, BUILD)
    pipeline.start()
    pipeline.until(lambda: answers(pipeline))
    job = pipeline.until(lambda: first_running(pipeline))
    browser.get(page(pipeline, f"/jobs/{job}/"))
    pipeline.until(lambda: "line 200 of" in shown(browser))
    assert "the first line" in shown(browser), "from the first byte on"
    pipeline.kill("run_web")
    pipeline.until(lambda: text(browser, "#log-state") == "complete", seconds=90)
    assert shown(browser) == whole(pipeline, job), "no gap, no doubled line"
    assert browser.title != "forged"
    browser.execute_script("document.getElementById('log').scrollTop = 0")
    pipeline.until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "#log .c2")) == 1)
    # On a busy machine the whole log may have come before the kill: then nobody has waited for the web yet.
    pipeline.until(lambda: answers(pipeline))
    browser.refresh()
    pipeline.until(lambda: text(browser, "#log-state") == "complete")
    assert shown(browser) == whole(pipeline, job)


def test_a_proxy_may_use_its_connection_again_after_a_while(pipeline: Pipeline) -> None:
    pipeline.start()
    pipeline.until(lambda: answers(pipeline))
    connection = HTTPConnection("127.0.0.1", pipeline.port, timeout=60)
    with closing(connection):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        # The server's own default is 5 s: nothing but time shows that it is not used.
        time.sleep(6)
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()


def test_the_overview_follows_what_happens_and_somebody_may_approve(pipeline: Pipeline, browser: Chrome) -> None:
    push(pipeline, "echo built\n")
    pipeline.start("--confirm", "dangerous")
    pipeline.until(lambda: answers(pipeline))
    browser.get(page(pipeline, "/"))
    pipeline.until(lambda: "Waits for approval" in text(browser, "main"))
    assert "nothing yet" in text(browser, "#service-1")

    log_in(pipeline, browser)
    for kind in ("release", "deployment"):
        (job,) = pipeline.until(lambda kind=kind: pipeline.query("select id from core_job where kind = ?", kind))[0]
        browser.get(page(pipeline, f"/jobs/{job}/"))
        pipeline.until(lambda: press(browser, "Approve"))
        pipeline.until(lambda: "Approved: it starts" in text(browser, "body"))
    browser.get(page(pipeline, "/"))
    pipeline.until(lambda: "Sell <b>more</b>" in text(browser, "#service-1"))
    rows = pipeline.query(
        "select verb from core_activity a join auth_user u on u.id = a.user_id where username = 'ann'"
    )
    assert rows == [("logged in as",), ("approved",), ("approved",)]


def watch_the_diagram(browser: Chrome) -> None:
    """Note every condition that the service of the diagram is in from now on, and put the focus on it."""
    script = """
        window.seen = [];
        const note = () => {
          const state = document.getElementById("at-service:1")?.getAttribute("class").split(" ").pop();
          if (state && state !== window.seen.at(-1)) window.seen.push(state);
        };
        note();
        new MutationObserver(note).observe(document.querySelector("main"), { childList: true, subtree: true });
        document.getElementById("at-service:1").focus();
    """
    browser.execute_script(script)


def test_a_diagram_is_live_and_a_rollback_is_explained_confirmed_and_done(pipeline: Pipeline, browser: Chrome) -> None:
    pipeline.start()
    for number in (1, 2):
        push(pipeline, f"sleep 1; echo {number}\n")
        commit = pipeline.work.commit_hash()
        pipeline.until(lambda commit=commit: pipeline.live_commit() == commit and not pipeline.active())
        if number == 1:
            browser.get(page(pipeline, "/repositories/1/"))
            watch_the_diagram(browser)
    pipeline.until(lambda: commit[:7] in text(browser, "#pipeline"))
    pipeline.until(lambda: browser.execute_script("return window.seen.at(-1)") == "done")
    seen = browser.execute_script("return window.seen")
    assert seen[0] == "done", "the page was never loaded again"
    assert set(seen) >= {"blocked"}, seen
    assert browser.execute_script("return document.activeElement.id") == "at-service:1"
    browser.get(page(pipeline, "/flavours/acme/"))
    browser.find_element(By.ID, "at-toggle:1").click()
    pipeline.until(lambda: browser.find_elements(By.ID, "at-service:1"))
    assert browser.current_url.endswith("?open=1")
    assert browser.execute_script("return document.activeElement.id") == "at-toggle:1"

    first = pipeline.query("select hash from core_commit order by id")[0][0]
    log_in(pipeline, browser)
    browser.get(page(pipeline, "/services/1/"))
    pipeline.until(lambda: press(browser, "Roll back…"))
    pipeline.until(lambda: first[:10] in text(browser, "main"))
    browser.find_element(By.NAME, "reason").send_keys("it was better")
    assert press(browser, "Roll back")
    pipeline.until(lambda: pipeline.live_commit() == first)
    pipeline.until(lambda: "it was better" in text(browser, "main"))
