"""The job page and its live log in a browser: one tree of real processes and one Chromium for all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from core.testing.git_server import GitServer
from tests.e2e.browser import browser as chromium
from tests.e2e.browser import refused
from tests.e2e.harness import Pipeline
from tests.e2e.test_pages import FLAVOUR, answers, log_in, page, press, push, shown, text

#: A log that grows until somebody cancels it.
GROWS = r"""
number=0
while :; do number=$((number + 1)); echo "line $number of many"; sleep 0.02; done
"""
#: A log with all that a builder may write, and all that somebody may do with it.
RICH = r"""
echo '#1 [internal] load build definition'
echo '#2 [build 1/3] FROM debian'
for number in $(seq 1 40); do echo "#2 pulling part $number"; done
echo '#3 [build 2/3] RUN make'
printf '#3 \033[38;2;255;120;0morange\033[0m \033[38;5;33mblue\033[0m \033[40;30mhidden\033[0m \033[1;31mred\033[0m\n'
printf '<img src=x onerror="document.title=1"><script>document.title="forged"</script> \342\200\256gnp.exe\n'
printf '\033]0;forged\007\033[2Jand a needle here\n'
awk 'BEGIN { while (i++ < 6000) printf "long "; print "" }'
echo '#4 [build 3/3] RUN test'
echo 'a needle again'
"""


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with GitServer(tmp_path / "git") as server:
        made = Pipeline(tmp_path, server, FLAVOUR)
        push(made, RICH)
        made.start("--confirm", "dangerous")
        try:
            made.until(lambda: answers(made))
            yield made
        finally:
            made.kill()


@pytest.fixture
def browser(pipeline: Pipeline, tmp_path: Path) -> Iterator[Chrome]:
    with chromium(tmp_path / "chromium") as driver:
        log_in(pipeline, driver)
        yield driver


def job_of(pipeline: Pipeline, kind: str, state: str) -> Any:
    rows = pipeline.query("select id from core_job where kind = ? and state = ? order by id desc", kind, state)
    return rows[0][0] if rows else None


def logged(pipeline: Pipeline, job: int) -> str:
    ((name,),) = pipeline.query("select log from core_job where id = ?", job)
    return (pipeline.data / "logs" / name).read_text(errors="replace")


def first_row(browser: Chrome) -> str:
    """The line at the top of the log's box."""
    script = """
        const box = document.getElementById("log").getBoundingClientRect();
        const rows = [...document.querySelectorAll("#log .row")].map((row) => [row.getBoundingClientRect().top, row.innerText]);
        return rows.filter(([top]) => top >= box.top - 1).sort((a, b) => a[0] - b[0])[0]?.[1] ?? "";
    """
    return str(browser.execute_script(script))


def visible(browser: Chrome, selector: str) -> bool:
    return bool(browser.execute_script("return Boolean(document.querySelector(arguments[0])?.offsetParent)", selector))


def at_end(browser: Chrome) -> bool:
    script = "const b = document.getElementById('log'); return b.scrollTop + b.clientHeight >= b.scrollHeight - 40;"
    return bool(browser.execute_script(script))


def painted(browser: Chrome) -> int:
    return int(browser.execute_script("return Number(document.getElementById('log').dataset.painted ?? 0)"))


def key(browser: Chrome, *keys: str) -> None:
    browser.switch_to.active_element.send_keys(*keys)


def session(pipeline: Pipeline, name: str) -> requests.Session:
    """Somebody else, who logs in elsewhere."""
    made = requests.Session()
    made.get(page(pipeline, "/login/"), timeout=10)
    form = {"username": name, "password": "secret-word", "csrfmiddlewaretoken": made.cookies["csrftoken"]}
    assert made.post(page(pipeline, "/login/"), form, timeout=10).ok
    return made


def of_two_who_approve_at_once_the_second_is_told_kindly(pipeline: Pipeline, browser: Chrome) -> None:
    job = pipeline.until(lambda: job_of(pipeline, "release", "queued"))
    browser.get(page(pipeline, f"/jobs/{job}/"))
    form = browser.execute_script("return document.querySelector('form[action$=approve]').outerHTML")
    other = session(pipeline, "ann")
    other.get(page(pipeline, f"/jobs/{job}/"), timeout=10)
    first = other.post(
        page(pipeline, f"/jobs/{job}/approve"), {"csrfmiddlewaretoken": other.cookies["csrftoken"]}, timeout=10
    )
    assert "Approved: it starts" in first.text
    # What the second one has before them is as it was.
    browser.execute_script("document.getElementById('about').outerHTML = arguments[0]", form)
    assert press(browser, "Approve")
    pipeline.until(lambda: text(browser, ".message") and "Approved: it starts" not in text(browser, ".message"))
    assert "approve" in text(browser, ".message").lower() or "not wait" in text(browser, ".message")
    rows = pipeline.query("select count(*) from core_activity where verb = 'approved' and subject = ?", f"job {job}")
    assert rows == [(1,)], "once"


def everything_in_a_log_is_shown_and_does_nothing(pipeline: Pipeline, browser: Chrome) -> None:
    job = pipeline.until(lambda: job_of(pipeline, "build", "succeeded"))
    refused(browser)
    browser.get(page(pipeline, f"/jobs/{job}/"))
    pipeline.until(lambda: text(browser, "#log-state") == "complete" and not visible(browser, "#log-empty"))
    seen = shown(browser)
    assert '<img src=x onerror="document.title=1"><script>document.title="forged"</script> \ufffdgnp.exe' in seen
    assert "forged" not in browser.title
    assert "\ufffd]0;" not in seen
    browser.execute_script("document.getElementById('log').scrollTop = 0")
    key(browser, "z")
    pipeline.until(lambda: text(browser, "#log-fold") == "Unfold all")
    pipeline.until(lambda: painted(browser) < 15)
    assert "pulling part 7" not in text(browser, "#log")
    key(browser, "z")
    pipeline.until(lambda: "pulling part 7" in text(browser, "#log"))
    # Colours of 24 bits and of 256; text in the colour of its ground can be read all the same.
    key(browser, "/")
    key(browser, "orange", Keys.ENTER)
    pipeline.until(lambda: text(browser, "#log mark") == "orange")
    script = """
        const row = [...document.querySelectorAll("#log .row")].find((each) => each.innerText.includes("orange"));
        return [...row.querySelectorAll(".text span")].map((each) => [each.innerText, getComputedStyle(each).color]);
    """
    colours = dict(browser.execute_script(script))
    assert colours["orange"] == "rgb(255, 120, 0)"
    assert colours["hidden"] != "rgb(0, 0, 0)"
    assert not refused(browser)


def a_log_is_searched_pointed_at_and_copied(pipeline: Pipeline, browser: Chrome) -> None:
    job = job_of(pipeline, "build", "succeeded")
    browser.get(page(pipeline, f"/jobs/{job}/"))
    pipeline.until(lambda: text(browser, "#log-state") == "complete")
    key(browser, "/")
    key(browser, "needle", Keys.ENTER)
    pipeline.until(lambda: text(browser, "#log-found") == "1 of 2")
    key(browser, Keys.ENTER)
    pipeline.until(lambda: text(browser, "#log-found") == "2 of 2")
    lines = logged(pipeline, job).split("\n")
    line = next(number for number, each in enumerate(lines, 1) if "pulling part 3" in each)
    browser.get(page(pipeline, f"/jobs/{job}/") + f"#L{line}-L{line + 1}")
    browser.refresh()
    pipeline.until(lambda: len(browser.execute_script("return document.querySelectorAll('#log .chosen')")) == 2)
    assert text(browser, "#log-copy") == "Copy 2 lines"
    script = "{ value: { writeText: (text) => { window.copied = text; } } }"
    browser.execute_script(f"Object.defineProperty(navigator, 'clipboard', {script})")
    key(browser, "c")
    pipeline.until(lambda: text(browser, "#log-copy") == "Copied")
    assert browser.execute_script("return window.copied") == "\n".join(lines[line - 1 : line + 1])
    key(browser, "t")
    pipeline.until(lambda: re.search(r"\d:\d\d\.\d", text(browser, "#log .time")))
    key(browser, "t")
    pipeline.until(lambda: re.search(r"\d\d:\d\d:\d\d", text(browser, "#log .time")))
    key(browser, "t")
    pipeline.until(lambda: not text(browser, "#log .time"))
    key(browser, "?")
    pipeline.until(lambda: "next, previous match" in text(browser, "dialog[open]"))
    key(browser, Keys.ESCAPE)
    pipeline.until(lambda: not text(browser, "dialog[open]"))


def a_push_appears_and_its_log_is_followed_until_somebody_cancels(pipeline: Pipeline, browser: Chrome) -> None:
    browser.get(page(pipeline, "/"))
    browser.execute_script("window.same = true; document.getElementById('main').focus()")
    push(pipeline, GROWS)
    commit = pipeline.work.commit_hash()[:10]
    pipeline.until(lambda: commit in text(browser, "main"))
    assert browser.execute_script("return window.same"), "without a reload"
    job = pipeline.until(lambda: job_of(pipeline, "build", "running"))
    browser.get(page(pipeline, f"/jobs/{job}/"))
    pipeline.until(lambda: painted(browser) > 60 and at_end(browser))
    browser.execute_script("document.getElementById('log').scrollTop = 90")
    pipeline.until(lambda: visible(browser, "#log-follow"))
    pipeline.until(lambda: first_row(browser))
    before, count = first_row(browser), painted(browser)
    pipeline.until(lambda: painted(browser) > count + 40)
    assert first_row(browser) == before, "it stays put"
    key(browser, "f")
    pipeline.until(lambda: at_end(browser) and not visible(browser, "#log-follow"))
    count = painted(browser)
    pipeline.kill("run_web")
    pipeline.until(lambda: painted(browser) > count + 50)
    pipeline.until(lambda: press(browser, "Cancel"))
    pipeline.until(lambda: text(browser, "#log-state") == "complete")
    assert shown(browser) == logged(pipeline, job).rstrip("\n"), "no gap, no doubled line"
    assert pipeline.query("select verb from core_activity where subject = ? and verb = 'cancelled'", f"job {job}")
    pipeline.until(lambda: press(browser, "Build again"))
    pipeline.until(lambda: job_of(pipeline, "build", "running") not in (None, job))


def who_may_not_is_not_offered_it_and_whose_session_ends_loses_nothing(pipeline: Pipeline, browser: Chrome) -> None:
    job = pipeline.until(lambda: job_of(pipeline, "build", "running"))
    browser.get(page(pipeline, f"/jobs/{job}/"))
    pipeline.until(lambda: painted(browser) > 20)
    form = pipeline.until(
        lambda: browser.execute_script("return document.querySelector('form[action$=cancel]')?.outerHTML")
    )
    ended = "from django.contrib.sessions.models import Session; Session.objects.all().delete()"
    assert pipeline.command("shell", "-c", ended).returncode == 0
    count = painted(browser)
    pipeline.until(lambda: painted(browser) > count + 20)
    # What they have before them is as it was.
    browser.execute_script("document.getElementById('about').outerHTML = arguments[0]", form)
    assert press(browser, "Cancel")
    pipeline.until(lambda: text(browser, "h1") == "Log in")
    assert f"/jobs/{job}" in browser.current_url
    browser.get(page(pipeline, f"/jobs/{job}/"))
    pipeline.until(lambda: "Log in to approve" in text(browser, "main"))
    assert "Cancel" not in text(browser, "main")
    assert job_of(pipeline, "build", "running") == job


def test_the_job_page_from_the_first_look_to_the_last(pipeline: Pipeline, browser: Chrome) -> None:
    """One tree of processes and one browser for all: each begins where the one before it ended."""
    of_two_who_approve_at_once_the_second_is_told_kindly(pipeline, browser)
    everything_in_a_log_is_shown_and_does_nothing(pipeline, browser)
    a_log_is_searched_pointed_at_and_copied(pipeline, browser)
    a_push_appears_and_its_log_is_followed_until_somebody_cancels(pipeline, browser)
    who_may_not_is_not_offered_it_and_whose_session_ends_loses_nothing(pipeline, browser)
