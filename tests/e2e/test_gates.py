"""A service behind a window and approvals, with real processes: held through a kill, and live once people let it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.e2e.harness import Pipeline

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
gates = [Use("window", windows=["2000-01-01 to 2099-12-31"], reason="it is for a test")]
shop = Service(
    "shop", Use("host"), gates=[Use("approvals", needed=2, of=["builder"])],
    before=[Use("command", command=["sh", "-c", "echo draining $DEPLOYER_SERVICE"])],
    after=[Use("command", command=["sh", "-c", "echo warming at $DEPLOYER_COMMIT"])],
)
target = Target("live", "acme/shop:live", [shop])
recipe = Recipe("web", Use("host", command=["true"]), platforms=[here], targets=[target])
repository = Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)
flavour = Flavour("acme", [repository], gates=gates, admins=["ann"], builders=["bob", "cy"])
"""
PEOPLE = """
from django.contrib.auth.models import User
for name in ("ann", "bob", "cy"):
    User.objects.create_user(name, f"{name}@example.org", "secret-word")
"""


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline]) -> Pipeline:
    return make_pipeline(FLAVOUR)


class Browser:
    """What a browser without JavaScript does, for somebody who has logged in."""

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self._base, self._session = f"http://127.0.0.1:{pipeline.port}", requests.Session()
        self._session.get(f"{self._base}/login/", timeout=10)
        self.post("/login/", username=name, password="secret-word")

    def get(self, path: str) -> str:
        answer = self._session.get(f"{self._base}{path}", timeout=10)
        assert answer.ok, answer.text
        return answer.text

    def post(self, path: str, **form: str) -> str:
        form["csrfmiddlewaretoken"] = self._session.cookies["csrftoken"]
        answer = self._session.post(f"{self._base}{path}", form, timeout=10)
        assert answer.ok, answer.text
        return answer.text


def test_it_goes_live_once_people_let_it(pipeline: Pipeline) -> None:
    pipeline.work.write("version", "1\n")
    commit = pipeline.work.commit("Version 1")
    pipeline.work.push("main:live")
    pipeline.start()

    def held() -> str:
        rows = pipeline.query("select reason from core_job where kind = 'deployment' and state = 'queued'")
        return rows[0][0] if rows else ""

    pipeline.until(lambda: "window" in held() and "0 of 2" in held(), seconds=120)
    ((job,),) = pipeline.query("select id from core_job where kind = 'deployment'")
    made = pipeline.command("shell", "-c", PEOPLE)
    assert not made.returncode, made.stderr

    # By command, and by a browser of another builder.
    done = pipeline.command("approve", str(job), "--user", "bob", "--reason", "read it")
    assert not done.returncode, done.stderr
    pipeline.until(lambda: "1 of 2, by bob" in held())
    cy = Browser(pipeline, "cy")
    assert "needs 1 more of role builder" in cy.get(f"/jobs/{job}/")
    assert "Approve</button>" in cy.get(f"/jobs/{job}/")
    assert "Grant an exception" not in cy.get(f"/jobs/{job}/"), "that is for admins"
    cy.post(f"/jobs/{job}/approve", reason="me too")
    pipeline.until(lambda: "approvals" not in held() and "window" in held())

    # Killed, it is held as before.
    pipeline.kill()
    pipeline.start()
    assert pipeline.query("select state from core_job where id = ?", job) == [("queued",)]

    # An admin lets it through the window.
    def up() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{pipeline.port}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    pipeline.until(up)
    ann = Browser(pipeline, "ann")
    page = ann.get(f"/jobs/{job}/")
    key = page.partition('name="gate" value="')[2].partition('"')[0]
    assert key.startswith("window-")
    assert "It is let through window" in ann.post(f"/jobs/{job}/exception", gate=key, reason="the till is broken")
    pipeline.until(lambda: pipeline.live_commit() == commit)
    log = ann.get(f"/jobs/{job}/log")
    assert "draining shop" in log
    assert f"warming at {commit}" in log
    assert "granted an exception to" in ann.get("/activity/")

    # The next commit is held again, and needs its own approvals. A command lets it through the window.
    pipeline.work.write("version", "2\n")
    pipeline.work.commit("Version 2")
    pipeline.work.push("main:live")
    pipeline.until(lambda: "0 of 2" in held() and "window" in held())
    words = ("shop", "--gate", "window", "--for", "1h", "--reason", "x", "--user", "ann")
    granted = pipeline.command("grant_exception", *words)
    assert "lets every deployment of shop through gate window" in granted.stdout, granted.stderr
    pipeline.until(lambda: "0 of 2" in held() and "window" not in held())
