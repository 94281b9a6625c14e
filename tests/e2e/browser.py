"""A headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from tests.real import required

#: Without these a browser without a network tries to reach its maker's hosts, and slows everything down.
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip


@contextmanager
def browser(directory: Path) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = required("chromium", "chromium")
    for flag in (*_FLAGS, f"--user-data-dir={directory}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(required("chromedriver", "chromium-driver")))
    try:
        yield driver
    finally:
        driver.quit()


def refused(driver: Chrome) -> list[str]:
    """What pages tried since it was last asked and did not get: by the content security policy, or by the network."""
    entries: Any = driver.get_log("browser")  # type: ignore[no-untyped-call]
    return [
        entry["message"]
        for entry in entries
        if "Content Security Policy" in entry["message"] or entry["source"] == "network"
    ]


def still(driver: Chrome) -> None:
    """End all that moves on the page that is shown: colours in the middle of a transition are nobody's choice."""
    style = "animation: none !important; transition: none !important; caret-color: transparent !important;"
    script = """
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(`*, *::before, *::after { ${arguments[0]} }`);
        document.adoptedStyleSheets = [sheet];
    """
    driver.execute_script(script, style)
