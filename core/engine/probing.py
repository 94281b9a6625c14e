"""Answering probes: the questions of a person who declares something, asked of the plugins by a runner."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core import clock, configuration, hiding
from core.engine.looks import InDatabase, said
from core.models import Probe
from core.operation_values import Context
from core.plugins import plugins
from core.services import probes
from core.services.places import options_of
from core.states import Purpose
from core.values import Head, RepositoryPlace, ServicePlace

#: Seconds after which nobody waits any more.
_TIMEOUT = probes.DEADLINE - 5
#: Refs in one answer: whoever has more finds the branch that is asked for all the same.
_REFS = 500
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")

Answer = Mapping[str, Any]


async def answer(probe: Probe, in_database: InDatabase) -> None:
    """Find the answer to one question and write it down."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            told = await _KINDS[probe.question["ask"]](probe.question)
        shown = await asyncio.to_thread(_without_secrets, told)
        await in_database(lambda: probes.answer(probe, shown, clock.now()))
    except Exception as error:  # noqa: BLE001  shown to who asked
        reason = (await asyncio.to_thread(_without_secrets, {"reason": said(error)}))["reason"]
        await in_database(lambda: probes.fail(probe, reason, clock.now()))


async def _heads(question: Answer) -> Answer:
    """The refs of a repository, the branch that is asked for first, if it is there."""
    source, place = plugins.source(question["source"]), _repository(question)
    heads = await source.heads(place, "", _data(question["source"]))
    wanted = f"refs/heads/{question.get('branch', '')}"
    ordered = sorted(heads.heads, key=lambda head: (head.ref != wanted, head.ref))
    return {
        "heads": [_head(head) for head in ordered[:_REFS]],
        "count": len(heads.heads),
        "default_branch": heads.default_branch,
        "notice": heads.notice,
    }


def _head(head: Head) -> Answer:
    return {
        "ref": head.ref,
        "kind": head.kind.value,
        "trusted": head.trusted,
        "hash": head.commit.hash,
        "message": head.commit.title[:300],
        "author": head.commit.author[:300],
    }


async def _files(question: Answer) -> Answer:
    """Which of the files that the builder needs are there, at a commit."""
    source, place = plugins.source(question["source"]), _repository(question)
    with _scratch() as scratch:
        context = Context(log=_Silent(), scratch=scratch, data=_data(question["source"]))
        found = {
            path: await source.file(place, question["commit"], path, context) is not None for path in _needs(question)
        }
    return {"files": found}


async def _build(question: Answer) -> Answer:
    """Whether a builder can build for the platforms, and where it would."""
    builder = plugins.builder(question["builder"])
    options = options_of(builder.Options, question["options"])
    platforms = question["platforms"]
    return {
        "unsupported": list(builder.unsupported(platforms)),
        "places": {platform: builder.place(platform, options, Purpose.RELEASE) for platform in platforms},
    }


async def _service(question: Answer) -> Answer:
    """What a service runs now."""
    deployer = plugins.deployer(question["deployer"])
    place = ServicePlace(
        name=question["name"],
        host=question["host"],
        uri=question["uri"],
        options=options_of(deployer.Options, question["options"]),
    )
    seen = await deployer.observe(place, _data(question["deployer"]))
    return {"digest": seen.digest or "", "health": seen.health.value, "detail": seen.detail}


_KINDS: Mapping[str, Callable[[Answer], Awaitable[Answer]]] = {
    "heads": _heads,
    "files": _files,
    "build": _build,
    "service": _service,
}


def _repository(question: Answer) -> RepositoryPlace:
    model = plugins.source(question["source"]).Options
    return RepositoryPlace(name=question["name"], options=options_of(model, question["source_options"]))


def _needs(question: Answer) -> Sequence[str]:
    builder = plugins.builder(question["builder"])
    return builder.needs(options_of(builder.Options, question["options"]))


def _data(kind: str) -> Path:
    return configuration.current().plugin_dir(kind)


@contextmanager
def _scratch() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="probe-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _without_secrets(told: Answer) -> Answer:
    """What may be shown: no secret of this installation, and no password of an address."""

    def shown(value: Any) -> Any:
        match value:
            case str():
                return hiding.hidden(_USERINFO.sub("", value).replace("\0", ""))
            case dict():
                return {shown(name): shown(each) for name, each in value.items()}
            case list():
                return [shown(each) for each in value]
            case _:
                return value

    result: Answer = shown(dict(told))
    return result


class _Silent:
    """The log of work that nobody reads the log of."""

    def write(self, data: bytes) -> None:
        """Nothing is kept."""

    def note(self, text: str) -> None:
        """Nothing is kept."""

    def redact(self, secret: str) -> None:
        """Nothing is kept."""
