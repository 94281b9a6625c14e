"""What a plugin can be: its roles. The values that it and the core exchange are in `core.values`.

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

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from core.errors import OperationError
from core.gate_values import DeploymentQuestion, Hold, StepOptions, StepRequest
from core.operation_values import BuildRequest, Context, DeployRequest, PublishRequest
from core.states import Level, Purpose
from core.tidying import Freed, TidyRequest
from core.values import (
    Changes,
    CommitStatus,
    Delivery,
    DeploymentStatus,
    Fact,
    Finding,
    Heads,
    Identity,
    News,
    Observation,
    Options,
    Pool,
    RepositoryPlace,
    ServicePlace,
)

#: Commits that a source tells of at once as changes.
MOST_CHANGES = 250

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

    async def file(self, place: RepositoryPlace, commit: str, path: str, context: Context) -> bytes | None:
        """One file of a commit; None where the commit has no such file.

        This one checks the whole commit out. A source that can have a single file more cheaply overrides it.

        :param path: relative to the repository's root, with `/`.
        :raises Stalled: when the commit exists no more.
        """
        directory = context.scratch / "files"
        if not directory.exists():
            await self.checkout(place, commit, directory, context)
        return await asyncio.to_thread(_read_inside, directory, path)

    def clone_url(self, place: RepositoryPlace) -> str:
        """Where others can clone it from, without credentials in it; empty where they cannot."""
        return ""

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        """A page about a commit, or the empty string."""
        return ""

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        """A page about a ref, or the empty string."""
        return ""

    def compare_url(self, place: RepositoryPlace, old: str, new: str) -> str:
        """A page about what changed between two commits, or the empty string."""
        return ""

    async def changes(self, place: RepositoryPlace, old: str, new: str, data: Path) -> Changes | None:
        """What a commit has that an older one has not: at most `MOST_CHANGES` commits. None where it cannot be told.

        :param data: a directory that this plugin keeps, on this host.
        :raises Stalled: one of the commits exists no more.
        :raises OperationError: the source does not answer.
        """
        return None

    async def report(self, place: RepositoryPlace, commit: str, status: CommitStatus) -> None:
        """Tell the source what became of a commit. Called again with the newest status after an error."""
        return

    async def report_deployment(self, place: RepositoryPlace, status: DeploymentStatus) -> None:
        """Tell the source what becomes of a deployment. Called again with the newest status after an error."""
        return

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Delivery:
        """Read a webhook. Quick, and without asking anybody: the work is done afterwards.

        :param headers: by name, in small letters.
        :raises PermissionError: when its signature or secret is wrong.
        :raises ValueError: when it cannot be read.
        """
        raise ValueError(f"{self.kind} has no webhook")

    def webhook_setup(self) -> str:
        """What to set where its webhooks are sent from, besides their address, in sentences; empty where it has none."""
        return ""

    def facts(self) -> Sequence[Fact]:
        """What people should know of it now; it is shown on the page of the plugins. Quick: it asks nobody."""
        return ()

    async def check(self, places: Sequence[RepositoryPlace], webhook_url: str, data: Path) -> AsyncIterator[Finding]:
        """Test its configuration, for `manage.py check_source`: what is missing, and what to do about it.

        :param places: the repositories that were declared.
        :param webhook_url: where its webhooks should be sent.
        :param data: a directory that this plugin keeps, on this host.
        """
        for place in places:
            try:
                heads = await self.heads(place, "", data)
            except OperationError as error:
                yield Finding(level="error", text=f"{place.name}: {error}")
            else:
                yield Finding(level="ok", text=f"{place.name}: {len(heads.heads)} branches and pull requests")


class Builder(ABC):
    """Turns a commit into an image."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]
    build_level: ClassVar[Level] = Level.AVERAGE
    publish_level: ClassVar[Level] = Level.DANGEROUS

    #: How many builds may run at once in one place; None where something else sets the limit.
    capacity: int | None = None

    def place(self, platform: str, options: _Given, purpose: Purpose) -> str:
        """Where a build takes place, such as the name of an engine; empty for the runner's own host.

        The builds of all runners in one place share its `capacity`; on its own host each runner has all of it.
        """
        return ""

    def facts(self) -> Sequence[Fact]:
        """What people should know of it now; it is shown on the page of the plugins. Quick: it asks nobody."""
        return ()

    async def pools(self) -> Sequence[Pool] | None:
        """The machines that it builds on, where somebody looks after them who can be asked.

        Asked now and then by every runner; None where there is nobody, or nothing new is known.

        :raises OperationError: they cannot be told now.
        """
        return None

    def unsupported(self, platforms: Sequence[str]) -> Sequence[str]:
        """Those of the platforms that this builder cannot build for. They are told when a declaration is read."""
        return ()

    def needs(self, options: _Given) -> Sequence[str]:
        """The files of the repository that it cannot build without, such as the Dockerfile: paths from the root.

        Whoever declares a recipe is told at once when one is not there.
        """
        return ()

    async def check(self, place: str, data: Path) -> AsyncIterator[Finding]:
        """Test one place that recipes build in, for `manage.py doctor`: what is missing, and what to do about it.

        Nothing is found by default.

        :param place: what `place` answered; empty for this host.
        :param data: a directory that this plugin keeps, on this host.
        """
        return
        yield

    async def check_image(self, image: str, data: Path) -> AsyncIterator[Finding]:
        """Test whether a release could be published under a name, for `manage.py doctor`, without publishing anything.

        Nothing is found by default.

        :param image: the name that a target's releases have.
        :param data: a directory that this plugin keeps, on this host.
        """
        return
        yield

    @abstractmethod
    async def build(self, request: BuildRequest, context: Context) -> str:
        """Build, and answer what `publish` needs to find the result (a digest, a reference).

        :raises Stalled: when it does not build.
        """

    @abstractmethod
    async def publish(self, request: PublishRequest, context: Context) -> str:
        """Publish the builds as one image and answer its digest, `sha256:` and 64 hexadecimal digits."""

    async def manifests(self, image: str, digest: str) -> Mapping[str, str]:
        """The digests of the images in what it published, by platform, for the release's provenance.

        Nothing where it cannot be told. A release is one without it, too.

        :raises OperationError: it cannot be told now.
        """
        return {}

    async def tidy(self, request: TidyRequest, context: Context) -> Freed | None:
        """Remove the images of releases that nobody can go back to. None where it removes nothing, which is the default.

        It may be asked again for what it removed already. What has a tag, or is part of what is kept, stays.

        :raises Stalled: where they are nothing can be removed; says what to change.
        :raises OperationError: not all of it could be removed now.
        """
        return None


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

    async def check(self, service: ServicePlace, data: Path) -> AsyncIterator[Finding]:
        """Test whether a service can be looked after, for `manage.py doctor`. By default it is observed.

        :param data: a directory that this plugin keeps, on this host.
        """
        try:
            seen = await self.observe(service, data)
        except OperationError as error:
            yield Finding(level="error", text=f"{service.name}: {error}")
        else:
            runs = "runs" if seen.digest else "is not there yet"
            yield Finding(level="ok", text=f"{service.name}: {runs}")

    @abstractmethod
    async def deploy(self, request: DeployRequest, context: Context) -> None:
        """Return once the service runs the release and is healthy; put it back to what it ran before otherwise.

        Deploying what already runs changes nothing, unless `request.repair` asks to put back what else was changed since.
        Cancelling may happen at any await.

        :raises DeploymentFailed: when it was not moved; says what it runs, and whether the release is to blame.
        """


class Notifier(ABC):
    """Tells people."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]

    @abstractmethod
    async def notify(self, news: News, options: _Given, memory: Mapping[str, str]) -> Mapping[str, str] | None:
        """Say it, or change what was said before.

        Called for one key after the other, in order, and with the newest news of a key only. After an error it is called
        again, with back-off or after `Waiting.retry_in` seconds.

        :param memory: what it answered when it last told news of the same key; empty at first.
        :returns: what to remember for the next news of the key; None leaves that as it is.
        """

    async def check(self, options: _Given) -> AsyncIterator[Finding]:
        """Test whether it reaches somebody, for `manage.py doctor`, without saying anything.

        By default it is only told that nobody can know that before something is said.

        :param options: as a flavour or a service declares them.
        """
        yield Finding(level="ok", text="It has no test: whether it arrives is known when something is said")


class Gate(ABC):
    """A rule that can hold a deployment back before it starts.

    It stands before the services that are declared with it (`Flavour.gates`, `Service.gates`). While it holds, the
    deployment waits in the queue and takes up no place of a runner.
    """

    kind: ClassVar[str]
    #: A model that inherits `core.api.GateOptions` has the options that all gates share: rollbacks, exceptions, times.
    Options: ClassVar[type[Options]] = _Given
    #: It stands before every service of every flavour, without being declared, with its options' defaults.
    always: ClassVar[bool] = False

    def title(self, options: _Given) -> str:
        """What it is with these options, in a few words for pages and plans: `freeze on Fri 16:00–Mon 08:00`."""
        return self.kind

    @abstractmethod
    async def hold(self, question: DeploymentQuestion, options: _Given) -> Hold | None:
        """Say why the deployment has to wait, or None to let it go on.

        Asked again and again while it waits, by any runner, and once more whenever something of it has changed. What is
        answered counts for some seconds. An exception, no answer in time, and an answer that is none hold it.
        """


class Step(ABC):
    """Something that is done in the job of a deployment, before the move or after it (`Service.before`, `.after`)."""

    kind: ClassVar[str]
    Options: ClassVar[type[StepOptions]]

    def title(self, options: _Given) -> str:
        """What it is with these options, in a few words for logs and pages: `command notify-cdn`."""
        return self.kind

    @abstractmethod
    async def run(self, request: StepRequest, options: _Given, context: Context) -> None:
        """Do it. After a crash of the runner it is done again, with the same request.

        :raises OperationError: it failed; what that means, the option `failure` says.
        """


class InputReader(ABC):
    """Reads an input: a fact outside that builds or services depend on."""

    kind: ClassVar[str]
    Options: ClassVar[type[Options]]
    level: ClassVar[Level] = Level.MOSTLY_HARMLESS

    @abstractmethod
    async def read(self, options: _Given, context: Context) -> str:
        """The value now: a commit's hash, an image's digest."""


class Login(ABC):
    """Lets people log in by an account that they have elsewhere: OAuth's authorization code with PKCE (RFC 6749, 7636)."""

    kind: ClassVar[str]
    #: The name that is on the button.
    title: ClassVar[str]

    @abstractmethod
    def missing(self) -> str:
        """What has to be set before it can be used; empty when it can."""

    @abstractmethod
    def begin(self, callback: str, state: str, challenge: str) -> str:
        """The address to send the browser to.

        :param callback: where the browser is to come back to.
        :param challenge: PKCE's, by S256.
        """

    @abstractmethod
    async def finish(self, callback: str, code: str, verifier: str) -> Identity:
        """Say who came back.

        :raises OperationError: it does not answer.
        :raises PermissionError: it does not accept the code.
        """


Plugged = Source | Builder | Deployer | Notifier | Gate | Step | InputReader | Login


def _read_inside(directory: Path, path: str) -> bytes | None:
    """A file below a directory; None where there is none, or where a link leads out."""
    try:
        found = (directory / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    return found.read_bytes() if found.is_file() and found.is_relative_to(directory.resolve()) else None
