"""The tutorial of the first deployment works word for word: two terminals and a browser."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from selenium.webdriver.common.by import By

from tests.docker_real import RealEngine, engine, unique
from tests.docs import commands
from tests.docs.commands import Foreground, Terminal
from tests.e2e.browser import browser
from tests.e2e.harness import ROOT, free_port
from tests.real import required

__all__ = ["engine"]

PAGE = ROOT / "docs" / "tutorial" / "first-deployment.md"
DEMO, ASK, PUSH, ASK_AGAIN, BREAK, MEND, ANEW, DEMO_DOCKER, PUSH_DOCKER, UNHEALTHY = commands.blocks(PAGE)


class Newcomer:
    """A checkout, with ports of its own in the place of those that the page names: tests run beside each other."""

    def __init__(self, directory: Path, **more: str) -> None:
        self.directory = directory
        self.checkout = commands.checkout(directory)
        self.web, self.service = str(free_port()), str(free_port())
        self.more = {
            "ARGS": f"--port {self.web}",
            "DEMO_GIT_PORT": str(free_port()),
            "DEMO_SERVICE_PORT": self.service,
            "DEMO_REGISTRY_PORT": str(free_port()),
            **more,
        }

    @contextmanager
    def first_terminal(self, block: str) -> Iterator[Foreground]:
        demo = Foreground(block, self.checkout, self.directory / "said", **self.more)
        try:
            yield demo
        finally:
            demo.interrupt()

    def second_terminal(self) -> Terminal:
        return Terminal(self.checkout, self.directory / "state", **self.more)

    def mine(self, block: str) -> str:
        return block.replace("8420", self.service)

    def greeting(self) -> str:
        try:
            return requests.get(f"http://127.0.0.1:{self.service}/", timeout=10).text
        except requests.RequestException:
            return ""

    def left(self) -> list[Path]:
        """The processes that are in its checkout still."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self.checkout):
                    found.append(process)
        return found

    def end(self) -> None:
        for process in self.left():
            with suppress(ProcessLookupError):
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    required("make", "make"), required("curl", "curl")
    newcomer = Newcomer(tmp_path)
    yield newcomer
    newcomer.end()


def roll_back(newcomer: Newcomer, demo: Foreground) -> None:
    """What the section *Go back* says, in a browser."""
    password = re.search(r"log in as demo, password (\S+)\)", demo.said)
    assert password
    with browser(newcomer.directory / "browser") as driver:
        driver.get(f"http://127.0.0.1:{newcomer.web}/")
        driver.find_element(By.LINK_TEXT, "hello").click()
        driver.find_element(By.LINK_TEXT, "Log in").click()
        driver.find_element(By.NAME, "username").send_keys("demo")
        driver.find_element(By.NAME, "password").send_keys(password[1] + "\n")
        rows = "//tr[contains(., 'Greet more politely')]//a[text()='Roll back…']"
        demo.until(lambda: bool(driver.find_elements(By.XPATH, rows)))
        driver.find_element(By.XPATH, rows).click()
        driver.find_element(By.XPATH, "//button[text()='Roll back']").click()
        demo.until(lambda: "Good day" in newcomer.greeting())
        follow = "//button[text()='Follow the branch again']"
        demo.until(lambda: bool(driver.find_elements(By.XPATH, follow)))


def test_it_works_word_for_word(newcomer: Newcomer) -> None:
    with newcomer.first_terminal(DEMO) as demo:
        second = newcomer.second_terminal()
        demo.until(lambda: bool(re.search(r"✓ hello: deployment to \w+ took", demo.said)))
        assert "Hello, world!" in second.run(newcomer.mine(ASK))
        assert PUSH.strip() in demo.said, "the page has the line that the demo prints"
        second.run(PUSH)
        demo.until(lambda: "Good day" in newcomer.greeting())
        assert "Good day" in second.run(newcomer.mine(ASK_AGAIN))
        second.run(BREAK)
        page = f"http://127.0.0.1:{newcomer.web}/services/1/"
        demo.until(lambda: bool(re.search(r"release build .* failed: python3 -m unittest", demo.said)))
        demo.until(lambda: "the release build of web on linux" in requests.get(page, timeout=5).text)
        assert "Good day" in newcomer.greeting(), "nothing was moved"
        second.run(MEND)
        demo.until(lambda: "Hello, world!" in newcomer.greeting())
        roll_back(newcomer, demo)
        demo.interrupt()
        assert newcomer.greeting() == ""
        assert newcomer.left() == []
    with newcomer.first_terminal(DEMO) as demo:
        demo.until(lambda: "Good day" in newcomer.greeting())
    assert newcomer.left() == []
    second.run(ANEW)
    assert not (newcomer.checkout / "data" / "demo").exists()


def test_its_part_on_docker_swarm_works_word_for_word(newcomer: Newcomer, engine: RealEngine) -> None:
    required("docker-registry", "docker-registry")
    name = unique("demo")
    newcomer.more |= {"DOCKER_HOST": engine.url, "DEMO_SERVICE": name}
    try:
        with newcomer.first_terminal(DEMO_DOCKER) as demo:
            demo.until(lambda: bool(re.search(r"✓ web: deployment to \w+ took", demo.said)))
            another = newcomer.second_terminal()
            assert PUSH_DOCKER.strip() in demo.said
            another.run(PUSH_DOCKER)
            demo.until(lambda: "Good day" in newcomer.greeting())
            demo.until(lambda: demo.said.count("✓ web: deployment") > 1)
            another.run(UNHEALTHY)
            demo.until(lambda: "rolled back" in demo.said)
            assert "Good day" in newcomer.greeting()
    finally:
        engine.cli("service", "rm", name, check=False)
