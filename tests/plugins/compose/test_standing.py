"""What an engine tells of containers is understood, and summed up for people."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.api import Health
from plugins.compose import engines, observing, standing
from plugins.compose.records import ProjectFile
from plugins.compose.standing import Container, Standing, Verdict

ONE, TWO = ("sha256:" + digit * 64 for digit in "12")


def container(service: str = "web", **known: Any) -> Container:
    given = {"id": service, "name": f"shop_{service}_1", "reference": f"shop@{ONE}", "digest": ONE, "status": "running"}
    return Container(service=service, **{**given, **known})


@pytest.mark.parametrize(
    ("known", "verdict", "told"),
    [
        ({}, Verdict.WELL, "running"),
        ({"health": "healthy"}, Verdict.WELL, "healthy"),
        ({"health": "starting"}, Verdict.WAITING, "running, its health check is starting"),
        ({"health": "unhealthy"}, Verdict.FAILED, "unhealthy"),
        ({"restarts": 1}, Verdict.FAILED, "running"),
        ({"status": "created"}, Verdict.WAITING, "created"),
        ({"status": "created", "error": "port is taken"}, Verdict.FAILED, "created: port is taken"),
        ({"status": "exited"}, Verdict.WELL, "completed"),
        ({"status": "exited", "stays_up": True}, Verdict.FAILED, "ended with status 0"),
        (
            {"status": "exited", "exit_code": 137, "out_of_memory": True},
            Verdict.FAILED,
            "ended with status 137 (out of memory)",
        ),
        ({"status": "restarting", "exit_code": 1}, Verdict.FAILED, "restarting with status 1"),
        ({"status": "paused"}, Verdict.FAILED, "paused"),
        ({"status": "removing"}, Verdict.WAITING, "removing"),
        ({"status": "dead"}, Verdict.FAILED, "dead with status 0"),
    ],
)
def test_each_state_has_a_meaning(known: dict[str, Any], verdict: Verdict, told: str) -> None:
    assert (container(**known).verdict(), container(**known).told) == (verdict, told)


def test_a_container_is_read_from_what_its_engine_tells() -> None:
    told = {
        "Id": "abc",
        "Name": "/shop_web_1",
        "Image": "sha256:" + "f" * 64,
        "RestartCount": 2,
        "State": {
            "Status": "running",
            "StartedAt": "2026-01-02T03:04:05.123456789Z",
            "Health": {"Status": "unhealthy", "Log": [{"Output": "first"}, {"Output": "HTTP 500\n"}]},
        },
        "Config": {
            "Image": "shop:live",
            "Labels": {standing.SERVICE_LABEL: "web", standing.HASH_LABEL: "h"},
            "Healthcheck": {"Test": ["CMD-SHELL", "curl localhost"], "Interval": 5_000_000_000, "Retries": 4},
        },
        "HostConfig": {"RestartPolicy": {"Name": "always"}},
    }
    seen = standing.read(told, ["", f"shop@{ONE}"])
    assert (seen.name, seen.service, seen.digest, seen.restarts, seen.stays_up) == ("shop_web_1", "web", ONE, 2, True)
    assert (seen.answer, seen.started) == ("HTTP 500", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC))
    assert seen.check == "its health check `curl localhost`, asked every 5 s, 4 times before it counts"
    assert Standing((seen,)).reference(["web"]) == f"shop@{ONE}"


def test_a_page_says_what_is_wrong_in_one_line() -> None:
    seen = Standing(
        (container(), container("db", health="unhealthy", answer="no space"), container("job", status="exited"))
    )
    kept = ProjectFile(
        digest=ONE,
        reference="",
        text="",
        env={},
        main=("web",),
        made_from={"web": [""], "db": [""], "job": [""], "mail": [""]},
    )
    observed = observing.observation(seen, ("web",), kept)
    assert (observed.digest, observed.health, observed.drift) == (ONE, Health.UNHEALTHY, "mail was removed")
    assert (
        observed.detail == "2 of 3 containers running, mail has no container, job completed, db is unhealthy: no space"
    )


def test_services_of_different_releases_have_no_digest() -> None:
    seen = Standing((container(), container("worker", digest=TWO)))
    assert seen.digest(["web", "worker"]) is None
    assert seen.differing(["web", "worker"]) == "web runs 111111111111, worker runs 222222222222"
    assert seen.digest(["worker"]) == TWO


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        (b"", b""),
        (b"short", b"short"),
        (b"a terminal has no frames\r\n", b"a terminal has no frames\r\n"),
        (b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\x03two", b"onetwo"),
        (b"\x01\0\0\0\0\0\0\x09cut", b"cut"),
    ],
)
def test_the_frames_of_an_engine_are_taken_off(raw: bytes, printed: bytes) -> None:
    assert engines.demultiplexed(raw) == printed
