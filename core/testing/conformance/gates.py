"""What every gate keeps to."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.gate_values import DeploymentQuestion, GateOptions, Hold
from core.interfaces import Gate
from core.values import Commit, Options, Release

COMMIT = Commit(
    hash="0123456789abcdef0123456789abcdef01234567", message="A change", author="Ann Author <ann@example.org>"
)
RELEASE = Release(image="sample/repository:live", digest="sha256:" + "a" * 64, commit=COMMIT)
QUESTION = DeploymentQuestion(
    flavour="sample",
    repository="sample/repository",
    branch="live",
    service="shop",
    host="sample.example.org",
    uri="https://shop.example.org",
    release=RELEASE,
    rollback=False,
    job=12,
    url="http://127.0.0.1/jobs/12/",
    now=datetime(2026, 11, 28, 12, 0, tzinfo=UTC),
    since=datetime(2026, 11, 28, 11, 59, tzinfo=UTC),
)


class GateConformance:
    """Inherit it in a test class and override the fixtures that raise; `pytest` does the rest.

    Let a gate that asks somebody ask a server on 127.0.0.1 that behaves as the real one does.
    """

    # What you provide

    @pytest.fixture
    def gate(self) -> Gate:
        """The gate under test."""
        raise NotImplementedError

    @pytest.fixture
    def options(self) -> Options:
        """An instance of its `Options`."""
        raise NotImplementedError

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        """A question whose answer is a hold, with `options`; see `QUESTION`."""
        raise NotImplementedError

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        """A question that it answers by letting the deployment go, with `options`."""
        raise NotImplementedError

    # What it has to keep to

    def test_it_says_what_it_is(self, gate: Gate, options: Options) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", gate.kind)
        assert isinstance(options, gate.Options)
        assert gate.Options.model_json_schema()["type"] == "object"
        title = gate.title(options)
        assert title
        assert title == " ".join(title.split()), "one line, for a page"
        assert len(title) <= 200

    def test_one_that_stands_everywhere_needs_no_options(self, gate: Gate) -> None:
        if gate.always:
            gate.Options()
        else:
            assert issubclass(gate.Options, GateOptions), "people can say when it does not count: see GateOptions"

    async def test_it_lets_go(self, gate: Gate, options: Options, free: DeploymentQuestion) -> None:
        assert await gate.hold(free, options) is None

    async def test_a_hold_says_why_and_what_would_end_it(
        self, gate: Gate, options: Options, held: DeploymentQuestion
    ) -> None:
        hold = await gate.hold(held, options)
        assert isinstance(hold, Hold)
        assert hold.reason.strip()
        assert not hold.reason.endswith("."), "it is put into a sentence"
        assert hold.until or hold.lifted_by or hold.retry_in, "nothing waits silently"
        if hold.until:
            assert hold.until.tzinfo is not None
            assert hold.until > held.now
        assert all(isinstance(each, str) and each for each in hold.approvers)

    async def test_asked_again_it_says_the_same(
        self, gate: Gate, options: Options, held: DeploymentQuestion, free: DeploymentQuestion
    ) -> None:
        first = await gate.hold(held, options)
        assert await gate.hold(free, options) is None
        assert await gate.hold(held, options) == first, "it keeps nothing between two questions"

    async def test_two_at_once_do_not_meet(
        self, gate: Gate, options: Options, held: DeploymentQuestion, free: DeploymentQuestion
    ) -> None:
        holds = await asyncio.gather(*(gate.hold(each, options) for each in (held, free) * 3))
        assert [hold is None for hold in holds] == [False, True] * 3

    async def test_text_from_outside_does_it_no_harm(
        self, gate: Gate, options: Options, held: DeploymentQuestion
    ) -> None:
        text = 'x"; touch /tmp/no\n$(id) \0 é <b>'
        commit = replace(COMMIT, message=text, author=f"{text} <{text}>")
        hold = await gate.hold(replace(held, release=replace(held.release, commit=commit)), options)
        assert hold is None or hold.reason

    async def test_it_ends_when_it_is_cancelled(self, gate: Gate, options: Options, held: DeploymentQuestion) -> None:
        task = asyncio.ensure_future(gate.hold(held, options))
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=timedelta(seconds=10).total_seconds())
        assert done, "cancelled, it does not go on"
