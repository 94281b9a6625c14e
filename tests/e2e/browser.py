"""A headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    driver = Chrome(options=options, service=ChromeService(required("chromedriver", "chromium-driver")))
    try:
        yield driver
    finally:
        driver.quit()
