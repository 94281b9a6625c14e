"""Asking the gates before a service whether a deployment may start: beside the jobs, and taking up no place of one.

All gates of a deployment are asked at once, each with a time limit of its own. One that raises, does not answer in time
or answers nonsense holds the deployment and says so; it holds up no other.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from core import clock
from core.engine import blame
from core.errors import DeployerError
from core.gate_values import DeploymentQuestion, GateOptions, Hold
from core.metrics import CALLS
from core.models import Deployment
from core.pipeline.gates import Answer
from core.plugins import plugins
from core.queries import gates
from core.services import gate_answers
from core.services.gates import Standing

logger = logging.getLogger(__name__)

#: Seconds that a gate has to answer, and after which it is asked again, where its options do not say.
_TIMEOUT, _INTERVAL = 20, 30
#: The shortest and the longest time until a gate is asked again, in seconds, whatever it says itself.
_SOONEST, _LATEST = 1.0, 600.0
#: The longest text of a gate's that is kept.
_LONGEST = 1000

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


async def ask(deployment: Deployment, in_database: InDatabase) -> None:
    """Ask the gates of a deployment that was claimed, and write down what they say."""
    try:
        now = clock.now()
        question, standing = await in_database(partial(gates.question, deployment.pk, now))
        said = await asyncio.gather(*(_ask(each, question) for each in standing))
        answers = [answer for answer, _ in said]
        due = min((at for answer, at in said if answer.holds), default=now)
        await in_database(partial(gate_answers.record, deployment, answers, due, clock.now()))
    except Exception:
        logger.exception("the gates of job %s could not be asked; it is tried again", deployment.job_id)


async def _ask(standing: Standing, question: DeploymentQuestion) -> tuple[Answer, datetime]:
    """What a gate says, and when it is asked again."""
    options = standing.options if isinstance(standing.options, GateOptions) else None
    interval = options.interval if options else _INTERVAL
    try:
        hold = await _hold(standing, question, options.timeout if options else _TIMEOUT)
        if hold is not None and (fault := _nonsense(hold)):
            hold = Hold(reason=f"it answered what makes no sense: {fault}")
    except DeployerError as error:
        hold = Hold(reason=f"it cannot be asked: {error}")
    except Exception as error:
        blame.note(error)
        logger.exception("gate %s failed", standing.kind)
        hold = Hold(reason=f"it failed and so does not let it go: {type(error).__name__}: {error}")
    if hold is None:
        return _answer(standing, None), question.now
    return _answer(standing, hold), _again(hold, question.now, interval)


async def _hold(standing: Standing, question: DeploymentQuestion, seconds: int) -> Hold | None:
    if standing.gate is None or standing.options is None:
        return Hold(reason=f"it cannot be asked: {standing.fault}")
    plugins.check_on("gates", standing.kind)
    with CALLS.timed(role="gate", kind=standing.kind, operation="hold"):
        task = asyncio.ensure_future(standing.gate.hold(question, standing.options))
        try:
            # Not awaited once it is cancelled: one that does not listen to that would hold up all others here.
            done, _ = await asyncio.wait({task}, timeout=seconds)
        finally:
            task.cancel()
    if not done:
        task.add_done_callback(_forget)
        return Hold(reason=f"it did not answer within {seconds} s")
    return task.result()


def _forget(task: asyncio.Future[Any]) -> None:
    """Take note of how a task ended that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


def _nonsense(hold: object) -> str:
    """What is wrong with an answer; empty where it is one."""
    if not isinstance(hold, Hold):
        return f"{type(hold).__name__} instead of a Hold"
    if not isinstance(hold.reason, str) or not hold.reason.strip():
        return "a hold without a reason"
    if hold.until is not None and (not isinstance(hold.until, datetime) or hold.until.tzinfo is None):
        return f"`until` is {hold.until!r}, and no moment with a time zone"
    if not isinstance(hold.lifted_by, str) or not all(isinstance(each, str) for each in hold.approvers):
        return "`lifted_by` and `approvers` are no texts"
    if hold.retry_in is not None and not (isinstance(hold.retry_in, (int, float)) and math.isfinite(hold.retry_in)):
        return f"`retry_in` is {hold.retry_in!r}, and no number of seconds"
    return ""


def _answer(standing: Standing, hold: Hold | None) -> Answer:
    answer = Answer(kind=standing.kind, key=standing.key, title=standing.title, exceptions=standing.exceptions)
    if hold is None:
        return answer
    return replace(
        answer,
        holds=True,
        reason=_plain(hold.reason),
        until=hold.until,
        lifted_by=_plain(hold.lifted_by),
        approvers=tuple(hold.approvers),
    )


def _plain(text: str) -> str:
    """One line that every database can keep."""
    line = " ".join(text.replace("\0", "").encode(errors="replace").decode().split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _again(hold: Hold, now: datetime, interval: int) -> datetime:
    if hold.retry_in is not None:
        wait = hold.retry_in
    elif hold.until is not None:
        wait = (hold.until - now).total_seconds()
    else:
        wait = interval
    return now + timedelta(seconds=min(max(wait, _SOONEST), _LATEST))
