"""The flavour of ocaml.org with no network at all, and then with a GitHub: in a network namespace of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.testing.git_server import run_git
from flavours.ocaml_org import flavour
from tests.e2e.harness import ROOT
from tests.real import required, skip_or_fail

PORT = 8000
#: Binds a file over the machine's /etc/hosts, which others go on seeing as it was.
INSIDE = 'ip link set lo up && mount --bind "$HOSTS" /etc/hosts && exec "$@"'
#: A Git server behind TLS where GitHub's would be.
GITHUB = """
import ssl, sys, time
from pathlib import Path
from core.testing.git_server import GitServer
directory = Path(sys.argv[1])
server = GitServer(directory / "git", port=443)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(directory / "github.pem", directory / "github.key")
server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
with server:
    time.sleep(600)
"""
#: All repositories but peertube, which is an image.
REPOSITORIES = [each.name for each in flavour.repositories if each.source.kind != "image"]
SERVICES = [
    service
    for repository in flavour.repositories
    for recipe in repository.recipes
    for target in recipe.targets
    for service in target.services
]


class Offline:
    """`run_pipeline` where there is nothing but itself."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.data = directory, directory / "data"
        self.hosts, self.output = directory / "hosts", directory / "output"
        self.hosts.write_text("127.0.0.1 localhost\n")
        self.environment = {
            **os.environ,
            "HOSTS": str(self.hosts),
            "DEPLOYER_DATA_DIR": str(self.data),
            "GIT_SSL_CAINFO": str(directory / "github.pem"),
            "PYTHONPATH": str(ROOT),
        }
        self._running: list[subprocess.Popen[bytes]] = []
        arguments = ["run_pipeline", "--flavour", "ocaml_org", "--harmless", "--port", str(PORT)]
        outside = [required("unshare", "util-linux"), "--net", "--mount", "--propagation", "private"]
        self._start(*outside, "sh", "-c", INSIDE, "sh", sys.executable, "manage.py", *arguments)

    def _start(self, *words: str) -> None:
        with self.output.open("ab") as output:
            self._running.append(subprocess.Popen(words, cwd=ROOT, env=self.environment, stdout=output, stderr=output))

    def _inside(self, *words: str) -> list[str]:
        return [required("nsenter", "util-linux"), "--net", "--mount", f"--target={self._running[0].pid}", *words]

    def get(self, path: str) -> str:
        """A page, asked for from inside."""
        words = self._inside(required("curl", "curl"), "--silent", f"http://127.0.0.1:{PORT}{path}")
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30).stdout

    def github_comes_back(self) -> None:
        """A server with all repositories, where github.com is."""
        subject = ["-subj", "/CN=github.com", "-addext", "subjectAltName=DNS:github.com"]
        files = ["-keyout", str(self.directory / "github.key"), "-out", str(self.directory / "github.pem")]
        key = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
        words = [required("openssl", "openssl"), "req", "-x509", *key, *subject, *files]
        subprocess.run(words, check=True, capture_output=True)
        for name in REPOSITORIES:
            run_git("init", "--bare", "--quiet", str(self.directory / "git" / f"{name}.git"))
        self._start(*self._inside(sys.executable, "-c", GITHUB, str(self.directory)))
        with self.hosts.open("a") as hosts:
            hosts.write("127.0.0.1 github.com\n")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        path = self.data / "deployer.sqlite3"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
            try:
                return connection.execute(sql).fetchall()
            except sqlite3.OperationalError:
                return []

    def until(self, what: Callable[[], Any], seconds: float = 120) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := what():
                return value
            time.sleep(0.1)
        looks = self.query("select name, look_error, next_look_at from core_repository")
        raise AssertionError(f"{looks}\n{self.output.read_text()[-5000:]}")

    def stop(self) -> int:
        first, *others = self._running
        for process in others:
            process.kill()
            process.wait()
        first.send_signal(signal.SIGINT)
        return first.wait(60)

    def kill(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[Offline]:
    if os.geteuid() != 0:
        skip_or_fail("only root makes network namespaces")
    running = Offline(tmp_path)
    yield running
    running.kill()


def test_without_a_network_all_is_shown_and_nothing_is_given_up(offline: Offline) -> None:
    offline.until(
        lambda: len(offline.query("select 1 from core_repository where look_error != ''")) == len(flavour.repositories)
    )
    rows = dict(offline.query("select name, id from core_repository"))
    assert set(rows) == {each.name for each in flavour.repositories}
    assert offline.query("select count(*) from core_service") == [(len(SERVICES),)]
    overview = offline.until(lambda: offline.get("/"))
    for service in SERVICES:
        assert service.name in overview
    for name in REPOSITORIES:
        page = offline.get(f"/repositories/{rows[name]}/")
        assert "Could not resolve host: github.com. Tried again" in page
    assert offline.query("select count(*) from core_job where state = 'failed'") == [(0,)]
    offline.until(lambda: offline.query("select min(look_failures) >= 2 from core_repository") == [(1,)])
    told = offline.output.read_text()
    for name in rows:
        assert told.count(f"{name} could not be looked at") == 1, "the same again is not said again"

    offline.github_comes_back()
    reached = (
        f"select count(*) from core_repository where look_error = '' and name != '{flavour.repositories[-1].name}'"
    )
    offline.until(lambda: offline.query(reached) == [(len(REPOSITORIES),)], 90)
    assert "Could not resolve host" not in offline.get(f"/repositories/{rows[REPOSITORIES[0]]}/")
    assert offline.stop() == 0
