"""The probable cause of a job that failed, from its log to its row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import configuration
from core.engine import diagnosis
from core.engine.runner import Runner
from core.errors import OperationError, Stalled
from core.logs.diagnosis import WINDOW
from core.logs.store import LogStore
from core.models import Job, LogRule
from core.operation_values import BuildRequest, Context
from core.states import JobState
from tests import factories
from tests.core.engine.test_runner import LIVE, ONE, ask, declare, job, look, until
from tests.dummy_plugin.hooks import Dummy
from tests.dummy_plugin.roles import DummyBuilder

pytestmark = pytest.mark.django_db(transaction=True)


class TalkingBuilder(DummyBuilder):
    """Prints what it is told to before it fails."""

    output = b""

    async def build(self, request: BuildRequest, context: Context) -> str:
        context.log.write(self.output)
        return await super().build(request, context)


@pytest.fixture
async def runner(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Runner]:
    monkeypatch.setattr(dummy.builder, "__class__", TalkingBuilder)
    runner = Runner(configuration.current())
    task = asyncio.create_task(runner.run())
    yield runner
    runner.stop()
    await task


async def failed(dummy: Dummy, output: bytes, error: Exception | None = None) -> Job:
    await ask(declare)
    dummy.builder.output = output  # type: ignore[attr-defined]
    dummy.builder.errors[ONE] = error or Stalled("make exited with status 2")
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    row: Job = await until(lambda: job(state=JobState.FAILED))
    return row


async def test_the_cause_of_a_failure_is_named_with_its_lines_and_places(dummy: Dummy, runner: Runner) -> None:
    row = await failed(dummy, b"#5 1.0 src/a.c:3:1: error: expected ;\n")
    assert (row.rule, row.cause) == ("C: error", "src/a.c, line 3: expected ;")
    assert "#5 1.0 src/a.c:3:1: error: expected ;" in row.excerpt.splitlines()
    assert "make exited" not in row.excerpt
    assert row.places == [{"path": "src/a.c", "line": 3, "message": "src/a.c, line 3: expected ;"}]
    assert row.reason == "make exited with status 2"


async def test_a_rule_of_a_plugin_names_the_cause(dummy: Dummy, runner: Runner) -> None:
    assert (await failed(dummy, b"dummy out of order\n")).cause == "The dummy has no order"


async def test_an_unknown_failure_shows_the_last_lines_alone(dummy: Dummy, runner: Runner) -> None:
    row = await failed(dummy, b"one\n\ntwo\n")
    assert (row.rule, row.cause, row.places) == ("", "", [])
    assert row.excerpt.splitlines()[-3:-1] == ["one", "two"]


async def test_the_time_limit_of_the_deployer_is_a_cause(dummy: Dummy, runner: Runner) -> None:
    dummy.builder.latches[ONE].shut()
    await ask(lambda: declare(timeout=1))
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    row = await until(lambda: job(state=JobState.FAILED))
    assert row.cause.startswith("It took more than 0.01667 minutes and was ended; to allow more, raise `timeout`")


async def test_a_traceback_of_a_plugin_is_a_cause(dummy: Dummy, runner: Runner) -> None:
    row = await failed(dummy, b"", ZeroDivisionError("a plugin's own fault"))
    assert row.cause == "Python: ZeroDivisionError: a plugin's own fault"


async def test_what_is_tried_again_has_no_cause_yet(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.builder.output = b"src/a.c:3:1: error: no\n"  # type: ignore[attr-defined]
    dummy.builder.errors[ONE] = OperationError("the registry does not answer")
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    row = await until(lambda: job(state=JobState.QUEUED, attempts=1))
    assert (row.cause, row.excerpt) == ("", "")


async def test_a_job_that_succeeds_has_none(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.builder.output = b"src/a.c:3:1: error: that was expected\n"  # type: ignore[attr-defined]
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    row = await until(lambda: job(state=JobState.SUCCEEDED, kind="build"))
    assert (row.cause, row.excerpt) == ("", "")


async def test_a_rule_that_cannot_be_tried_any_more_costs_no_job_its_verdict(
    dummy: Dummy, runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    await until(lambda: LogRule.objects.filter(enabled=True).exists())
    await ask(lambda: LogRule.objects.filter(name="C: linker").update(pattern="a("))
    assert (await failed(dummy, b"a.c:3:1: error: no\n")).rule == "C: error"
    assert "log rule C: linker: it is no regular expression" in caplog.text


async def test_a_log_that_cannot_be_read_costs_nothing_but_the_cause(tmp_path: Path) -> None:
    assert await diagnosis.of_log(LogStore(tmp_path), "../elsewhere") is None


async def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    await ask(lambda: factories.make_log_rule("mine", pattern="^error: (.+)$", report=r"\1"))
    log = store.open("long.log")
    log.write(b"error: at the beginning\n" + b"all is well\n" * (2 * WINDOW // 12) + b"the end\n")
    log.close()
    found = await diagnosis.of_log(store, "long.log")
    assert found
    assert found.cause == ""
    assert found.excerpt.endswith("all is well\nthe end")
