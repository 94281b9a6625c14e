"""What a plugin can be, and the values that it and the core exchange.

A role is a class with a `kind` (the word that declarations use), an `Options` model (pydantic: it checks flavour files,
makes the forms of the admin and the schema in the reference) and async methods. The core calls a method only from the
runner's event loop, under a deadline, and cancels it when its work is no longer wanted. A method may therefore await
for as long as it needs, but must not block the loop: use `asyncio.to_thread` for a blocking library, `core.api.run` for a
command.

Every operation may be run again after a crash of the runner, with the same request. Write it so that the second run
finishes what the first began.

Errors: raise `Waiting` for what will pass, `Stalled` for what will not, `OperationError` for what may (`core.errors`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol

from pydantic import BaseModel, ConfigDict

from core.states import Health, Level, Purpose, RefKind


class Options(BaseModel):
    """Base of every plugin's options: unknown names are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# Values -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as its source tells it. `hash` is the full hash, in hexadecimal."""

    hash: str
    message: str = ""
    author: str = ""
    committed_at: datetime | None = None

    @property
    def short(self) -> str:
        return self.hash[:10]

    @property
    def title(self) -> str:
        return self.message.strip().partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A ref and the commit it points to now.

    :param ref: its full name: `refs/heads/live`, `refs/pull/12/head`.
    :param trusted: False when somebody without write access may have chosen the commit (a fork's pull request).
    :param base: the branch that a pull request wants to be merged into.
    """

    ref: str
    kind: RefKind
    commit: Commit
    trusted: bool = False
    title: str = ""
    base: str = ""
    url: str = ""

    @property
    def name(self) -> str:
        """The name that people use: `live`, `12`."""
        return self.ref.removeprefix("refs/heads/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """All refs of a repository, or the news that nothing changed since `validator` was given out.

    :param validator: opaque; given back to the source at the next look, so that it can answer `unchanged` cheaply.
    """

    heads: tuple[Head, ...] = ()
    default_branch: str = ""
    validator: str = ""
    unchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryPlace:
    """A repository, as its source needs to know it. `options` is an instance of the source's `Options`."""

    name: str
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """What is said of a commit to its source.

    :param state: `queued`, `running`, `success`, `failure` or `neutral`.
    :param context: the name of the check: `deployability`.
    :param summary: Markdown, at most 60,000 characters.
    """

    context: str
    state: str
    title: str
    summary: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An image as published: always told by its digest (`sha256:…`)."""

    image: str
    digest: str
    commit: Commit | None = None

    @property
    def reference(self) -> str:
        return f"{self.image}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """A service, as its deployer needs to know it. `options` is an instance of the deployer's `Options`."""

    name: str
    host: str = ""
    uri: str = ""
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a service runs now.

    :param digest: None where it runs nothing, or something that no release is known by.
    :param detail: one line for people: `2 of 2 tasks running`.
    :param drift: what else was changed since the deployment, by whomever: `scaled from 2 to 5`; empty where nothing was.
    """

    digest: str | None
    health: Health = Health.UNKNOWN
    since: datetime | None = None
    detail: str = ""
    drift: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A gate's answer when a deployment has to wait.

    :param reason: one sentence: what holds it, and what would make it go on.
    :param until: when it lifts by itself, if it does.
    """

    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that people may want to hear.

    :param key: news with the same key are about the same thing: a newer one replaces one that was not sent yet.
    :param state: the state of the job behind it (`core.states.JobState`).
    """

    flavour: str
    key: str
    state: str
    text: str
    url: str = ""


# What an operation is given -----------------------------------------------------------------------------------------


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
    :param attempt: 1 for the first; more after an error that may pass or after a crash.
    :param data: a directory that this plugin keeps, on this host.
    :param leash: for `core.api.run`, so that nothing that an attempt started outlives it unnoticed.
    :param stopping: whether the runner itself is being stopped. An operation that is cancelled then is taken up again
        soon: what goes on without the runner need not be undone.
    """

    log: Log
    scratch: Path
    data: Path
    leash: int | None = None
    attempt: int = 1
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
    :param kept: releases that people may want to go back to: their images are not to be removed.
    """

    service: ServicePlace
    release: Release
    previous: Release | None = None
    rollback: bool = False
    kept: Sequence[Release] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentQuestion:
    """What a gate is asked about."""

    flavour: str
    repository: str
    service: str
    release: Release
    rollback: bool
    now: datetime


# Roles --------------------------------------------------------------------------------------------------------------


#: What a method is given: an instance of the role's own `Options`, which hides the name of its base in the classes below.
_Given = Options


class Source(ABC):
    """Where repositories live."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]

    @abstractmethod
    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        """List the refs, or say that nothing changed since the look that gave `validator` (empty at the first).

        :param data: a directory that this plugin keeps, on this host.
        :raises OperationError: the source does not answer.
        """

    @abstractmethod
    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        """Put a commit's files into `directory`.

        :param history: with `.git` and the commits before.
        :raises Stalled: when the commit exists no more.
        """

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        """A page about a commit, or the empty string."""
        return ""

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        """A page about a ref, or the empty string."""
        return ""

    async def report(self, place: RepositoryPlace, commit: str, status: CommitStatus) -> None:
        """Tell the source what became of a commit. Called again with the newest status after an error."""
        return

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Sequence[str]:
        """Read a webhook: the names of the repositories to look at again.

        :param headers: by name, in small letters.
        :raises PermissionError: when its signature or secret is wrong.
        :raises ValueError: when it cannot be read.
        """
        raise ValueError(f"{self.kind} has no webhook")


class Builder(ABC):
    """Turns a commit into an image."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]
    build_level: ClassVar[Level] = Level.AVERAGE
    publish_level: ClassVar[Level] = Level.DANGEROUS

    #: How many builds may run at once in one place; None where something else sets the limit.
    capacity: int | None = None

    def place(self, platform: str, options: _Given) -> str:
        """Where a build takes place, such as the name of an engine; empty for the runner's own host.

        The builds of all runners in one place share its `capacity`; on its own host each runner has all of it.
        """
        return ""

    def unsupported(self, platforms: Sequence[str]) -> Sequence[str]:
        """Those of the platforms that this builder cannot build for. They are told when a declaration is read."""
        return ()

    @abstractmethod
    async def build(self, request: BuildRequest, context: Context) -> str:
        """Build, and answer what `publish` needs to find the result (a digest, a reference).

        :raises Stalled: when it does not build.
        """

    @abstractmethod
    async def publish(self, request: PublishRequest, context: Context) -> str:
        """Publish the builds as one image and answer its digest, `sha256:` and 64 hexadecimal digits."""


class Deployer(ABC):
    """Moves a service to a release, tells what it runs, and can move it back."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]
    level: ClassVar[Level] = Level.DANGEROUS

    @abstractmethod
    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        """Tell what the service runs now. A service that is not there is `Observation(digest=None)`.

        :raises OperationError: when nobody can tell (the host does not answer).
        """

    @abstractmethod
    async def deploy(self, request: DeployRequest, context: Context) -> None:
        """Return once the service runs the release and is healthy; put it back to what it ran before otherwise.

        Deploying what already runs changes nothing. Cancelling may happen at any await.

        :raises DeploymentFailed: when it was not moved; says what it runs.
        """


class Notifier(ABC):
    """Tells people."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]

    @abstractmethod
    async def notify(self, news: News, options: _Given) -> None:
        """Say it. Called again with the newest news of the same key after an error."""


class Gate(ABC):
    """A rule that can hold a deployment back before it starts."""

    kind: ClassVar[str]

    @abstractmethod
    async def hold(self, question: DeploymentQuestion) -> Hold | None:
        """Say why it has to wait, or None to let it go on. An exception holds it, and is tried again."""


class InputReader(ABC):
    """Reads an input: a fact outside that builds or services depend on."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]
    level: ClassVar[Level] = Level.MOSTLY_HARMLESS

    @abstractmethod
    async def read(self, options: _Given, context: Context) -> str:
        """The value now: a commit's hash, an image's digest."""


Plugged = Source | Builder | Deployer | Notifier | Gate | InputReader
