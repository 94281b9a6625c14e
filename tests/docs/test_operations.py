"""What the pages for operators say works word for word, in one installation of several processes."""

from __future__ import annotations

import datetime as dt
import platform
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
import requests

from core.testing.git_server import GitServer, WorkTree
from tests import real
from tests.distributions import brings
from tests.docs import commands
from tests.docs.commands import Foreground, Terminal
from tests.e2e.harness import ROOT, free_port

HOW_TO = ROOT / "docs" / "how-to"
SHOP = """#!/usr/bin/env python3
import http.server, os
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(os.environ["PORT"]), bind="127.0.0.1")
"""
MAKEFILE = "release:\n\tmkdir dist\n\tcp shop health dist\n"


def page(name: str) -> list[str]:
    return commands.blocks(HOW_TO / f"{name}.md")


class Installation:
    """A checkout, PostgreSQL, Redis, and the flavour that the README declares."""

    def __init__(self, directory: Path, git: GitServer, database: str, redis: str) -> None:
        self.directory, self.database = directory, database
        self.checkout = commands.checkout(directory)
        self.web = str(free_port())
        git.create("acme/shop")
        self.work = WorkTree(directory / "work", git.url("acme/shop"))
        self.work.write("shop", SHOP)
        self.work.path.joinpath("shop").chmod(0o755)
        self.work.write("Makefile", MAKEFILE)
        self.push("First")
        self._declare(git.url("acme/shop"))
        self.more = {
            "DEPLOYER_FLAVOURS": "shop",
            "DEPLOYER_BASE_URL": f"http://127.0.0.1:{self.web}",
            "DEPLOYER_DATA_DIR": str(directory / "data"),
            "PYTHONPATH": str(directory / "package"),
        }
        # What the export of the pages names is elsewhere here.
        self._own = {"postgres://deployer:…@db/deployer": database, "redis://redis:6379/0": redis}

    def _declare(self, url: str) -> None:
        """The README's flavour file, for what is here."""
        (text,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        for theirs, ours in {"https://git.example.org/acme/shop.git": url, "port=8080": f"port={free_port()}"}.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        package = self.directory / "package"
        brings(package, "acme", flavours={"shop": "acme_flavour:flavour"})
        (package / "acme_flavour.py").write_text(text)

    def push(self, message: str) -> str:
        self.work.write("health", message)
        commit = self.work.commit(message)
        self.work.push("main:live")
        return commit

    def terminal(self, name: str) -> Terminal:
        """A terminal in which manage.py is what the first page says."""
        terminal = Terminal(self.checkout, self.directory / name, **self.more)
        (written,) = commands.blocks(ROOT / "docs" / "index.md")
        terminal.run(written)
        return terminal

    def own(self, text: str) -> str:
        for theirs, ours in self._own.items():
            text = text.replace(theirs, ours)
        return text


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with GitServer(tmp_path / "git") as git, real.postgres() as database, real.redis(tmp_path) as redis:
        yield Installation(tmp_path, git, database, redis)


# Some twenty processes, of which each loads everything: where a machine is busy with other things that takes long.
@pytest.mark.timeout(900)
def test_pages_for_operators_work_word_for_word(installation: Installation) -> None:
    shell = installation.terminal("shell")
    export, prepare, *processes = installation.own(page("scale-out")[0]).splitlines()
    shell.run(f"{export}\n{prepare}")
    assert page("run-it")[0].splitlines()[0] in page("scale-out")[0]
    with ExitStack() as ending:
        running: list[Foreground] = []
        for number, line in enumerate(processes):
            command = line.partition("#")[0] + (f"--port {installation.web}" if "run_web" in line else "")
            running.append(shell.stay(command, installation.directory / f"said{number}"))
            ending.callback(running[-1].interrupt)
        assert [line.split()[1] for line in processes] == ["run_web", "run_runner", "qcluster"]
        web = running[0]

        def runs(commit: str) -> bool:
            """Whether the service's page says so. A command would take longer to ask."""
            with suppress(requests.RequestException):
                told = requests.get(f"http://127.0.0.1:{installation.web}/api/services", timeout=5).json()["items"]
                return any(commit in str(each["runs"]) and each["status"] == "done" for each in told)
            return False

        first = installation.work.commit_hash()
        web.until(lambda: runs(first))
        (doctor,) = page("check-an-installation")
        assert "✓" in shell.run(doctor)

        second = installation.push("Second")
        requests.post(f"http://127.0.0.1:{installation.web}/webhooks/git?repository=acme/shop", timeout=10)
        web.until(lambda: runs(second))
        back = page("roll-back")[0]
        for line, commit in zip(back.splitlines(), (first, second), strict=True):
            shell.run(line)
            web.until(partial(runs, commit))
        (status,) = page("why-it-waits")
        assert re.search(rf"shop\s+done\s+.*{second[:10]}", shell.run(status))
        shell.run(page("scale-out")[1].replace("build2", platform.node()))

    backup, restore = page("back-up")
    backups = installation.directory / "backups"
    backups.mkdir()
    shell.run(backup.replace("/backups", str(backups)))
    with psycopg.connect(installation.database, autocommit=True) as connection:
        connection.execute("create database restored")
    empty = installation.database.replace("/postgres", "/restored")
    today = f"deployer-{dt.datetime.now().astimezone():%F}"
    restore = restore.replace("/backups/deployer-2026-11-28", f"{backups}/{today}")
    restore = restore.replace("/srv/deployer", str(installation.directory / "elsewhere"))
    assert second[:10] in shell.run(f"export DEPLOYER_DATABASE_URL={empty}\n{restore}")
