"""What an operation of a builder or a deployer is given: where it works, and what it is to do. Immutable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from core.states import Purpose
from core.values import Commit, Options, Release, ServicePlace


class Log(Protocol):
    """A job's log. Secrets are replaced in whatever is written, in any chunking."""

    def write(self, data: bytes) -> None:
        """Append the raw output of a command."""

    def note(self, text: str) -> None:
        """Append a line of the deployer's own, with the time."""

    def redact(self, secret: str) -> None:
        """Replace this value in everything that is written from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where an operation works.

    :param scratch: an empty directory, for this attempt alone; it is deleted afterwards.
    :param attempt: 1 for the first; more after an error that may pass, or after a runner that was lost or stopped.
    :param queued_at: when the job was queued: what an attempt before this one did was done after it. None for nobody knows.
    :param data: a directory that this plugin keeps, on this host.
    :param leash: for `core.api.run`, so that nothing that an attempt started outlives it unnoticed.
    :param waits: to be told in one sentence what the operation waits for where that is not its own work: a free worker,
        a server that does not answer. The empty text once it goes on. What it waits does not count against its timeout.
    :param stopping: whether the runner itself is being stopped. An operation that is cancelled then is taken up again
        soon: what goes on without the runner need not be undone.
    """

    log: Log
    scratch: Path
    data: Path
    leash: int | None = None
    attempt: int = 1
    queued_at: datetime | None = None
    waits: Callable[[str], None] = lambda reason: None
    stopping: Callable[[], bool] = lambda: False


class Checkout(Protocol):
    """Puts a commit's files, without history unless asked for, into a directory that does not exist yet."""

    async def __call__(self, directory: Path, *, history: bool = False) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """Build one recipe of one commit for one platform.

    :param trusted: False for what a stranger may have written. Such a build sees no secret.
    :param image: the name it will be published under; None for a check build, which must not push.
    :param args: the recipe's build arguments, inputs filled in.
    :param clone_url: where others can clone the repository from; empty where they cannot.
    :param commit_url: a page about the commit at its source, or empty.
    :param url: the page of this job.
    """

    repository: str
    recipe: str
    platform: str
    commit: Commit
    purpose: Purpose
    trusted: bool
    options: Options
    args: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    clone_url: str = ""
    commit_url: str = ""
    url: str = ""
    checkout: Checkout


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """Publish the builds of a release under its name.

    :param artifacts: by platform, what `build` answered.
    :param commit_url: a page about the commit at its source, or empty.
    :param url: the page of this job.
    """

    repository: str
    recipe: str
    commit: Commit
    image: str
    options: Options
    artifacts: Mapping[str, str]
    commit_url: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRequest:
    """Move one service to one release.

    :param previous: what it ran before, to go back to; None at the first deployment.
    :param rollback: a person asked to go back to an older release.
    :param repair: it runs the release already, or should: what else was changed since is to be put back as well, as far as
        the deployer knows what it was.
    :param kept: releases that people may want to go back to: their images are not to be removed.
    """

    service: ServicePlace
    release: Release
    previous: Release | None = None
    rollback: bool = False
    repair: bool = False
    kept: Sequence[Release] = ()
