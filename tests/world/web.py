"""The web over the world: the real process, on a port of its own."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from selenium.webdriver import Chrome

from tests.e2e.harness import ROOT, free_port
from tests.real import running
from tests.world.names import PASSWORD


@dataclass(frozen=True, slots=True)
class Web:
    """Where it is, and the keys of the rows to look at (`tests.world.walk`)."""

    address: str
    keys: dict[str, Any]


@contextmanager
def world(directory: Path) -> Iterator[Web]:
    """Make the world and serve it."""
    port = free_port()
    environment = {**os.environ, "DEPLOYER_DATA_DIR": str(directory / "data"), "DEPLOYER_LEASE_SECONDS": "600"}
    environment["DJANGO_SETTINGS_MODULE"] = "deployer_site.settings"
    made = subprocess.run(
        [sys.executable, "-m", "tests.world"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    serve = [sys.executable, str(ROOT / "manage.py"), "run_web", "--port", str(port)]
    with running(serve, directory, port, env=environment):
        _hide(directory / "data" / "deployer.sqlite3")
        yield Web(f"http://127.0.0.1:{port}", json.loads(made.stdout))


def _hide(database: Path) -> None:
    """Take what really serves out of the world: no picture shows whose machine it was made on."""
    with closing(sqlite3.connect(database, timeout=20)) as connection:
        for _ in range(200):
            with connection:
                hidden = connection.execute("delete from core_process where host = ?", [socket.gethostname()]).rowcount
            if hidden:
                return
            time.sleep(0.1)
    raise AssertionError("the web has given no sign of life")


def session(web: Web) -> requests.Session:
    """Somebody who may do everything."""
    made = requests.Session()
    made.get(f"{web.address}/login/", timeout=10)
    form = {"username": "operator", "password": PASSWORD, "csrfmiddlewaretoken": made.cookies["csrftoken"]}
    assert made.post(f"{web.address}/login/", form, timeout=10).ok
    return made


def sign_in(driver: Chrome, web: Web) -> None:
    """The same, in a browser."""
    driver.get(f"{web.address}/healthz")
    driver.add_cookie({"name": "sessionid", "value": session(web).cookies["sessionid"]})
