"""A canary and the rest with real processes: killed while it soaks, and unhealthy while it soaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

import pytest

from tests.e2e.harness import Pipeline

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
services = [Service("shop-1", Use("host", health="{health}", health_timeout=10)), Service("shop-2", Use("host"))]
target = Target("live", "acme/shop:live", services, rollout="canary", soak=4)
recipe = Recipe("web", Use("host", command=["true"]), platforms=[here], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)])
"""


class Health:
    """The address that tells whether the canary is well, as this test has it."""

    def __init__(self) -> None:
        self.status = 200
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(told.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def health() -> Iterator[Health]:
    with Health() as health:
        yield health


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline], health: Health) -> Pipeline:
    return make_pipeline(FLAVOUR.replace("{health}", health.url))


def push(pipeline: Pipeline, version: int) -> str:
    pipeline.work.write("version", f"{version}\n")
    commit = pipeline.work.commit(f"Version {version}")
    pipeline.work.push("main:live")
    return commit


def canary_log(pipeline: Pipeline) -> str:
    """The log of the canary's newest deployment."""
    logs = [log for _, title, _, _, log in pipeline.jobs() if title.startswith("shop-1:")]
    path = pipeline.data / "logs" / logs[-1] if logs else None
    return path.read_text() if path and path.exists() else ""


def live(pipeline: Pipeline) -> list[str]:
    """The commit of each service."""
    rows = pipeline.query(
        "select c.hash from core_service s join core_release r on r.id = s.current_id"
        " join core_commit c on c.id = r.commit_id order by s.name"
    )
    return [row[0] for row in rows]


def services(pipeline: Pipeline) -> list[tuple[str, int, str]]:
    """Of each service its status, whether it runs what it ran before, and the reason."""
    return pipeline.query("select status, observed_digest = current_digest, reason from core_service order by name")


def deployments(pipeline: Pipeline) -> list[tuple[str, str]]:
    return [(title.partition(":")[0], state) for _, title, state, *_ in pipeline.jobs() if title.startswith("shop-")]


def test_killed_while_it_soaks_a_canary_soaks_again_before_the_rest_follows(pipeline: Pipeline) -> None:
    pipeline.start()
    commit = push(pipeline, 0)
    pipeline.until(lambda: "soaking: healthy" in canary_log(pipeline))
    pipeline.kill()
    assert live(pipeline) == []
    pipeline.start()
    pipeline.until(lambda: live(pipeline) == [commit] * 2)
    told = canary_log(pipeline)
    assert (told.count("soaking for 4 s"), told.count("soaked for 4 s: healthy")) == (2, 1)
    assert deployments(pipeline) == [("shop-1", "succeeded"), ("shop-2", "succeeded")]


def test_unhealthy_while_it_soaks_a_canary_is_taken_back_and_the_rest_stays(pipeline: Pipeline, health: Health) -> None:
    pipeline.start()
    good = push(pipeline, 0)
    pipeline.until(lambda: live(pipeline) == [good] * 2)
    push(pipeline, 1)
    pipeline.until(lambda: "soaking: healthy" in canary_log(pipeline) and len(deployments(pipeline)) == 3)
    health.status = 503
    pipeline.until(lambda: "taking it back" in canary_log(pipeline))
    health.status = 200
    pipeline.until(lambda: [status for status, *_ in services(pipeline)] == ["failed", "blocked"])
    (_, as_before, reason), (_, _, why) = services(pipeline)
    assert (as_before, reason.rpartition(", and it ")[2]) == (1, "was taken back to what it ran before")
    assert why.startswith("the canary shop-1 failed: the others stay where they are")
    assert live(pipeline) == [good] * 2
    assert deployments(pipeline)[2:] == [("shop-1", "failed")], "the rest was not touched"
