"""Probes: asked of the real plugins, answered without secrets, forgotten after a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core import secrets
from core.engine import probing
from core.models import Probe
from core.services import probes
from core.testing.git_server import GitServer, WorkTree
from tests import factories

pytestmark = pytest.mark.django_db


def ask(**question: Any) -> Probe:
    """Ask and have it answered here; it is written down once the loop has ended, on the connection of the test."""
    writes: list[Callable[[], Any]] = []

    async def later(write: Callable[[], Any]) -> None:
        writes.append(write)

    row = probes.ask(question, factories.make_user(), timezone.now())
    [taken] = probes.claim(timezone.now(), limit=5)
    asyncio.run(probing.answer(taken, later))
    [write] = writes
    write()
    row.refresh_from_db()
    return row


def test_a_repository_its_branches_and_its_files_are_told(tmp_path: Path):
    with GitServer(tmp_path / "git") as server:
        server.create("acme/shop")
        work = WorkTree(tmp_path / "work", server.url("acme/shop"))
        work.write("docker/Dockerfile", "FROM scratch\n")
        commit = work.commit("First")
        work.push("main")
        place = {"source": "git", "name": "acme/shop", "source_options": {"url": server.url("acme/shop")}}
        told = ask(ask="heads", branch="main", **place).answer
        assert told is not None
        assert [(each["ref"], each["hash"]) for each in told["heads"]] == [("refs/heads/main", commit)]
        for path, there in (("docker/Dockerfile", True), ("Dockerfile", False)):
            question = {"builder": "docker", "options": {"dockerfile": path}, "commit": commit, **place}
            assert ask(ask="files", **question).answer == {"files": {path: there}}
        nowhere = {**place, "source_options": {"url": server.url("acme/none")}}
        assert "cannot be read" in ask(ask="heads", branch="", **nowhere).error


def test_a_host_and_a_builder_answer():
    service = {"deployer": "host", "name": "shop", "uri": "", "options": {}}
    seen = ask(ask="service", host="", **service).answer
    assert seen is not None
    assert seen["digest"] == ""
    assert "leave out `host`" in ask(ask="service", host="elsewhere", **service).error
    build = {"builder": "host", "options": {"command": ["true"]}, "platforms": ["linux/s390x"]}
    told = ask(ask="build", **build).answer
    assert told == {"unsupported": ["linux/s390x"], "places": {"linux/s390x": ""}}


def test_no_secret_is_in_an_answer(dummy):
    secrets.remember(["open sesame"])
    dummy.source.errors["acme/shop"] = ValueError("https://u:word@x says open sesame")
    row = ask(ask="heads", source="dummy", name="acme/shop", source_options={}, branch="")
    assert row.error == "https://x says [redacted]"


def test_the_same_question_is_asked_once_a_minute_and_forgotten_after_a_day():
    user, now = factories.make_user(), timezone.now()
    first = probes.ask({"ask": "build"}, user, now)
    assert probes.ask({"ask": "build"}, user, now) == first
    assert probes.ask({"ask": "build"}, factories.make_user(), now) != first
    later = now + timedelta(seconds=probes.DEADLINE + 1)
    assert probes.claim(later, limit=5) == [], "nobody waits any more"
    assert probes.ask({"ask": "build"}, user, later) != first
    probes.forget_old(now + timedelta(days=2))
    assert not Probe.objects.exists()


def test_a_question_that_a_runner_took_is_taken_again_by_nobody():
    now = timezone.now()
    probes.ask({"ask": "build"}, factories.make_user(), now)
    assert len(probes.claim(now, limit=5)) == 1
    assert probes.claim(now, limit=5) == []
