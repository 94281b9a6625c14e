"""An examination of the installation: every connection that it was given, and every setting that can be tested.

It needs neither the web nor a runner, changes nothing outside, and tells nobody. What is looked at by a plugin is asked
at the same time as all the rest, each under a deadline, and whatever fails is an answer.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Sequence
from datetime import datetime

from django.core import checks

from core.engine import doctor_here, readiness
from core.engine.doctor_questions import Question, Told, questions, said
from core.values import Finding

#: Seconds that a plugin is given for each thing that it is asked about.
DEADLINE = 30.0
#: Looks at one host at the same time.
_AT_ONCE = 8
#: Checks of readiness that do not keep an installation from being right: its processes may be stopped.
_PROCESSES = frozenset({"runner", "schedules"})


def examine(now: datetime) -> Iterator[Told]:
    """Look at everything, what is nearest first."""
    database = True
    for check in readiness.checks():
        database &= check.ok or check.name not in ("database", "migrations")
        level = "ok" if check.ok else "warning" if check.name in _PROCESSES else "error"
        yield Told(check.name, Finding(level=level, text=check.sentence))
    yield from (Told(about, finding) for about, finding in doctor_here.look(now, database=database))
    yield from _settings(database=database)
    if not database:
        told = "Not looked at: sources, builders and deployers are known from the database."
        yield Told("plugins", Finding(level="warning", text=told, remedy="Mend the database first."))
        return
    wrong: list[Told] = []
    yield from asyncio.run(_ask_all(questions(wrong)))
    yield from wrong


def _settings(*, database: bool) -> Iterator[Told]:
    """What `manage.py check` says."""
    found = checks.run_checks(databases=["default"] if database else None)
    for message in found:
        level = "error" if message.is_serious() else "warning"
        yield Told("settings", Finding(level=level, text=str(message.msg), remedy=str(message.hint or "")))
    if not found:
        yield Told("settings", Finding(level="ok", text="`manage.py check` has nothing to say."))


async def _ask_all(questions: Sequence[Question]) -> list[Told]:
    """The answers, in the order of the questions."""
    hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))

    async def one(question: Question) -> list[Told]:
        async with hosts[question.host]:
            return [Told(question.about, finding) for finding in await _answer(question)]

    waiting: list[Awaitable[list[Told]]] = [one(each) for each in questions]
    told = [told for answer in await asyncio.gather(*waiting) for told in answer]
    # What a plugin says of itself, it says with each thing that it is asked about.
    return list({(each.about, each.finding.text): each for each in told}.values())


async def _answer(question: Question) -> list[Finding]:
    found: list[Finding] = []
    try:
        async with asyncio.timeout(DEADLINE):
            async for finding in question.ask():
                found.append(finding)  # noqa: PERF401  what was found before it failed is kept
    except TimeoutError:
        late = f"{question.name}: no answer within {DEADLINE:.0f} s"
        found.append(Finding(level="error", text=late, remedy="See whether it is up and can be reached from here."))
    except Exception as error:  # noqa: BLE001  whatever is wrong is the answer
        found.append(Finding(level="error", text=f"{question.name}: {said(error)}"))
    return found
