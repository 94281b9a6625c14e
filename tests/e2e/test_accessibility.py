"""Every page, for those who see, hear or move otherwise than most: wide and narrow, light and dark, without JavaScript.

The pages are found where the addresses are (`tests.world.walk`): a new one is walked to by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.e2e.axe import violations
from tests.e2e.browser import browser as chromium
from tests.e2e.browser import refused, still
from tests.world import walk
from tests.world.web import Web, sign_in, world
from tests.world.web import session as operator

_CONTRAST = ("color-contrast", "link-in-text-block")
#: What another width may change.
_NARROW = ("target-size", "scrollable-region-focusable", "td-has-header", "label", "button-name", "link-name", "region")
_WIDE, _PHONE = (1280, 900), (360, 740)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with world(tmp_path_factory.mktemp("world")) as served:
        yield served


@pytest.fixture(scope="module")
def session(web: Web) -> requests.Session:
    return operator(web)


@pytest.fixture(scope="module")
def browser(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        sign_in(driver, web)
        yield driver


def there(web: Web, session: requests.Session, wanted: Sequence[walk.Page]) -> list[walk.Page]:
    """Those of them that are pages; others are only posted to, lead elsewhere, or are files."""
    found = []
    for page in wanted:
        answer = session.get(web.address + page.path, timeout=20, allow_redirects=False)
        assert answer.status_code in (200, 302, 405), (
            f"{page.name}: {page.path} answers {answer.status_code}. Where it needs the key of a row, give it one by the"
            " word before it in the address: `World.keys` in tests/world/make.py."
        )
        if answer.status_code == 200 and "text/html" in answer.headers["Content-Type"]:
            found.append(page)
    assert len(found) > 15
    return found


def size(browser: Chrome, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def scheme(browser: Chrome, name: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def overflow(browser: Chrome) -> list[str]:
    """What makes the page wider than the screen."""
    script = """
        const width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth <= width) return [];
        return [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > width + 1)
          .slice(0, 5).map((each) => each.outerHTML.slice(0, 150));
    """
    return list(browser.execute_script(script))


def faults(browser: Chrome, address: str) -> Iterator[str]:
    """What is wrong with a page, however somebody looks at it."""
    size(browser, *_WIDE)
    scheme(browser, "light")
    refused(browser)  # what came before
    browser.get(address)
    yield from refused(browser)
    still(browser)
    yield from violations(browser)
    scheme(browser, "dark")
    yield from (f"dark, {each}" for each in violations(browser, _CONTRAST))
    size(browser, *_PHONE)
    yield from (f"phone, {each}" for each in violations(browser, _NARROW))
    # What axe itself is refused counts for nothing.
    refused(browser)
    yield from (f"phone, wider than the screen: {each}" for each in overflow(browser))


def report(browser: Chrome, web: Web, found: Sequence[walk.Page]) -> str:
    lines = []
    for page in found:
        wrong = list(faults(browser, web.address + page.path))
        lines += [f"{page.name} ({page.path})", *(f"    {each}" for each in wrong)] if wrong else []
    return "\n".join(lines)


def read_without_javascript(web: Web, browser: Chrome, found: Sequence[walk.Page]) -> None:
    """Every page says something, and a job's page the end of its log."""
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        size(browser, *_WIDE)
        for page in found:
            browser.get(web.address + page.path)
            shown: Any = browser.find_element(By.TAG_NAME, "main").text
            assert len(shown) > 20, page.name
        browser.get(f"{web.address}/jobs/{web.keys['jobs']}/")
        assert "test failed, to rerun pass" in browser.find_element(By.ID, "log-plain").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_everybody_can_use_every_page_and_read_it_without_javascript(
    web: Web, session: requests.Session, browser: Chrome
) -> None:
    found = there(web, session, walk.pages(web.keys))
    assert not (wrong := report(browser, web, found)), wrong
    read_without_javascript(web, browser, found)


def test_everybody_can_use_the_admin(web: Web, session: requests.Session, browser: Chrome) -> None:
    assert not (wrong := report(browser, web, there(web, session, walk.screens()))), wrong
