"""Every role, in memory. A test sets what is there, what goes wrong and what is held back, and reads what was asked.

The attributes that a test sets are plain containers; those that it reads (`requests`, `moves`, …) only grow.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core import api
from core.api import (
    Builder,
    BuildRequest,
    Changes,
    Commit,
    CommitStatus,
    Context,
    Delivery,
    Deployer,
    DeploymentFailed,
    DeploymentQuestion,
    DeploymentStatus,
    DeployRequest,
    Gate,
    Head,
    Heads,
    Health,
    Hold,
    Identity,
    InputReader,
    Login,
    News,
    Notifier,
    Observation,
    OperationError,
    Pool,
    PublishRequest,
    RefKind,
    RepositoryPlace,
    ServicePlace,
    Source,
    Stalled,
    Step,
    StepRequest,
)
from tests.dummy_plugin.latch import Latch


def digest_of(*parts: object) -> str:
    """A digest that is the same for the same parts."""
    return "sha256:" + sha256(repr(parts).encode()).hexdigest()


class AtOnce:
    """Counts who is inside, by key, and remembers the most there ever were."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        self.now[key] += 1
        self.most[key] = max(self.most[key], self.now[key])
        try:
            yield
        finally:
            self.now[key] -= 1


class DummySourceOptions(api.Options):
    """Everything has a default, so that a test may leave it out."""

    page: str = ""


class DummySource(Source):
    """Repositories whose refs a test sets with `push` and `drop`.

    :ivar files: the files of a commit, by its hash, then by their path; one without is an empty directory.
    :ivar errors: what the next look at a repository raises, by its name; taken out when raised.
    :ivar between: what changed, by the hashes of the old and the new commit; nothing is known of others.
    :ivar lost: hashes of commits that exist no more.
    :ivar reports: what was reported: the repository's name, the commit and the status.
    :ivar deployments: what was reported of deployments, likewise.
    """

    kind = "dummy"
    Options = DummySourceOptions
    secret = "open sesame"

    def __init__(self) -> None:
        self.refs: defaultdict[str, dict[str, Head]] = defaultdict(dict)
        self.files: dict[str, dict[str, str]] = {}
        self.errors: dict[str, Exception] = {}
        self.lost: set[str] = set()
        self.between: dict[tuple[str, str], Changes | Exception] = {}
        self.looks: list[tuple[str, str]] = []
        self.reports: list[tuple[str, str, CommitStatus]] = []
        self.deployments: list[tuple[str, DeploymentStatus]] = []
        self.delivery = ""

    def push(self, repository: str, ref: str, hash: str, *, message: str = "", trusted: bool | None = None) -> Head:
        """Have a ref point to a commit. Branches are trusted and pull requests are not, unless it is said otherwise."""
        branch = ref.startswith("refs/heads/")
        head = Head(
            ref=ref,
            kind=RefKind.BRANCH if branch else RefKind.PULL_REQUEST,
            commit=Commit(hash=hash, message=message or f"Commit {hash[:4]}", author="A. Uthor <a@example.org>"),
            trusted=branch if trusted is None else trusted,
        )
        self.refs[repository][ref] = head
        return head

    def drop(self, repository: str, ref: str) -> None:
        del self.refs[repository][ref]

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        self.looks.append((place.name, validator))
        if place.name in self.errors:
            raise self.errors.pop(place.name)
        heads = tuple(head for _, head in sorted(self.refs[place.name].items()))
        now = digest_of(heads)
        if now == validator:
            return Heads(unchanged=True, validator=validator)
        return Heads(heads=heads, default_branch="main", validator=now)

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        if commit in self.lost:
            raise Stalled(f"commit {commit[:10]} exists no more in {place.name}")
        directory.mkdir(parents=True)
        for path, text in self.files.get(commit, {}).items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_text(text)

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        assert isinstance(place.options, DummySourceOptions)
        return f"{place.options.page}/commit/{commit}" if place.options.page else ""

    def compare_url(self, place: RepositoryPlace, old: str, new: str) -> str:
        assert isinstance(place.options, DummySourceOptions)
        return f"{place.options.page}/compare/{old}...{new}" if place.options.page else ""

    async def changes(self, place: RepositoryPlace, old: str, new: str, data: Path) -> Changes | None:
        told = self.between.get((old, new))
        if isinstance(told, Exception):
            raise told
        return told

    async def report(self, place: RepositoryPlace, commit: str, status: CommitStatus) -> None:
        self.reports.append((place.name, commit, status))

    async def report_deployment(self, place: RepositoryPlace, status: DeploymentStatus) -> None:
        self.deployments.append((place.name, status))

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Delivery:
        if headers.get("x-dummy-secret") != self.secret:
            raise PermissionError("the header X-Dummy-Secret is wrong")
        if not body:
            raise ValueError("the body has to name a repository")
        return Delivery(id=self.delivery, look=(body.decode(),))

    def webhook_setup(self) -> str:
        return "Send the header X-Dummy-Secret."


#: What a plugin counts.
BUILT = api.Counter("dummy_built", "Builds that the dummy was asked for.", ["purpose"])


class DummyBuilderOptions(api.Options):
    dockerfile: str = "Dockerfile"


class DummyBuilder(Builder):
    """Builds and publishes nothing, at once, and answers what it would be called.

    :ivar errors: what a build of a commit raises, by the commit's hash, or its publication, by the image's name.
    :ivar latches: what holds a build of a commit back, by its hash, or its publication, by the image's name.
    :ivar unable: platforms that it cannot build for.
    :ivar places: where it builds for a platform; a platform that is not here is built for on the runner's host.
    :ivar waits: what the build of a commit says that it waits for until its latch opens, by the commit's hash.
    :ivar machines: the pools that it tells of, or why it cannot.
    :ivar at_once: how many builds of the same went on at once.
    """

    kind = "dummy"
    Options = DummyBuilderOptions

    def __init__(self) -> None:
        self.errors: dict[str, Exception] = {}
        self.waits: dict[str, str] = {}
        self.machines: list[Pool] | Exception | None = None
        self.latches: defaultdict[str, Latch] = defaultdict(Latch)
        self.unable: set[str] = set()
        self.places: dict[str, str] = {}
        self.at_once = AtOnce()
        self.requests: list[BuildRequest] = []
        self.published: list[PublishRequest] = []

    def unsupported(self, platforms: Sequence[str]) -> Sequence[str]:
        return [platform for platform in platforms if platform in self.unable]

    def place(self, platform: str, options: api.Options, purpose: api.Purpose) -> str:
        return self.places.get(platform, "")

    def needs(self, options: api.Options) -> Sequence[str]:
        assert isinstance(options, DummyBuilderOptions)
        return (options.dockerfile,)

    async def build(self, request: BuildRequest, context: Context) -> str:
        self.requests.append(request)
        BUILT.count(purpose=request.purpose)
        parts = (request.repository, request.recipe, request.platform, request.commit.hash, request.image)
        with self.at_once.one(repr(parts)):
            context.log.note(f"Building {request.recipe} of {request.commit.short} on {request.platform}")
            await request.checkout(context.scratch / "source")
            context.waits(self.waits.get(request.commit.hash, ""))
            await self._obey(request.commit.hash)
            context.waits("")
            await self.latches[f"work {request.commit.hash}"].passed()
        return digest_of(*parts, dict(request.args))

    async def pools(self) -> Sequence[Pool] | None:
        if isinstance(self.machines, Exception):
            raise self.machines
        return self.machines

    async def publish(self, request: PublishRequest, context: Context) -> str:
        self.published.append(request)
        with self.at_once.one(request.image):
            context.log.note(f"Publishing {request.image}")
            await self._obey(request.image)
        return digest_of(request.image, sorted(request.artifacts.items()))

    async def _obey(self, key: str) -> None:
        await self.latches[key].passed()
        if key in self.errors:
            raise self.errors[key]


class DummyDeployerOptions(api.Options):
    replicas: int = 1


class DummyDeployer(Deployer):
    """A world of services, kept as what each of them runs.

    :ivar running: the digest that each service runs, by its name.
    :ivar health: how the services that run are, by their names; healthy unless it is said otherwise.
    :ivar errors: why a service cannot be moved, by its name; it then runs on what it ran.
    :ivar latches: what holds a move of a service back, by its name.
    :ivar drift: what was changed of a service since its deployment, by its name; put right where that is asked for.
    :ivar unreachable: names of services of which nobody can tell what they run.
    :ivar contexts: where each attempt at a move worked.
    :ivar moves: each move that was made: the service's name and the digest.
    :ivar at_once: how many moves of a service went on at once.
    """

    kind = "dummy"
    Options = DummyDeployerOptions

    def __init__(self) -> None:
        self.running: dict[str, str] = {}
        self.health: dict[str, Health] = {}
        self.drift: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.latches: defaultdict[str, Latch] = defaultdict(Latch)
        self.unreachable: set[str] = set()
        self.at_once = AtOnce()
        self.requests: list[DeployRequest] = []
        self.contexts: list[Context] = []
        self.moves: list[tuple[str, str]] = []

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        if service.name in self.unreachable:
            raise OperationError(f"the host of {service.name} does not answer")
        digest = self.running.get(service.name)
        health = self.health.get(service.name, Health.HEALTHY) if digest else Health.ABSENT
        return Observation(digest=digest, health=health, drift=self.drift.get(service.name, ""))

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        name, digest = request.service.name, request.release.digest
        self.requests.append(request)
        self.contexts.append(context)
        with self.at_once.one(name):
            context.log.note(f"Moving {name} to {digest}")
            await self.latches[name].passed()
            if name in self.errors:
                raise DeploymentFailed(self.errors[name], running=self.running.get(name))
            if request.repair:
                self.drift.pop(name, None)
            if self.running.get(name) != digest:
                self.running[name] = digest
                self.moves.append((name, digest))


class DummyNotifierOptions(api.Options):
    channel: str = "#general"


class DummyNotifier(Notifier):
    """Keeps what it is to say.

    :ivar errors: what saying something raises, one after the other.
    :ivar said: the news, and the channel that each was said in.
    """

    kind = "dummy"
    Options = DummyNotifierOptions

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.said: list[tuple[str, News]] = []

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> Mapping[str, str]:
        assert isinstance(options, DummyNotifierOptions)
        if self.errors:
            raise self.errors.pop(0)
        self.said.append((options.channel, news))
        return {"said": str(int(memory.get("said", 0)) + 1)}


class DummyGateOptions(api.GateOptions):
    name: str = ""


class DummyGate(Gate):
    """Holds the services that a test names.

    :ivar holds: why a service has to wait, by its name; what is callable is called with the question.
    :ivar questions: what it was asked about.
    :ivar latches: what an answer about a service waits for.
    """

    kind = "dummy"
    Options = DummyGateOptions

    def __init__(self) -> None:
        self.holds: dict[str, Any] = {}
        self.questions: list[DeploymentQuestion] = []
        self.latches: defaultdict[str, Latch] = defaultdict(Latch)

    def title(self, options: api.Options) -> str:
        assert isinstance(options, DummyGateOptions)
        return f"dummy {options.name}".strip()

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        self.questions.append(question)
        await self.latches[question.service].passed()
        hold = self.holds.get(question.service)
        return hold(question) if callable(hold) else hold


class DummyStepOptions(api.StepOptions):
    name: str = "dummy"


class DummyStep(Step):
    """Keeps what it was asked to do.

    :ivar requests: what it was asked, with the name in its options.
    :ivar errors: what doing it raises, by the name.
    :ivar latches: what it waits for, by the name.
    """

    kind = "dummy"
    Options = DummyStepOptions

    def __init__(self) -> None:
        self.requests: list[tuple[str, StepRequest]] = []
        self.errors: dict[str, Exception] = {}
        self.latches: defaultdict[str, Latch] = defaultdict(Latch)

    def title(self, options: api.Options) -> str:
        assert isinstance(options, DummyStepOptions)
        return f"step {options.name}"

    async def run(self, request: StepRequest, options: api.Options, context: Context) -> None:
        assert isinstance(options, DummyStepOptions)
        self.requests.append((options.name, request))
        context.log.write(f"step {options.name} says hello\n".encode())
        await self.latches[options.name].passed()
        if options.name in self.errors:
            raise self.errors[options.name]


class DummyInputOptions(api.Options):
    name: str = ""


class DummyInput(InputReader):
    """Reads values that a test sets.

    :ivar values: by the option `name`; what is not there cannot be read yet.
    :ivar reads: the names that were read.
    """

    kind = "dummy"
    Options = DummyInputOptions

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.reads: list[str] = []

    async def read(self, options: api.Options, context: Context) -> str:
        assert isinstance(options, DummyInputOptions)
        self.reads.append(options.name)
        if options.name not in self.values:
            raise OperationError(f"{options.name!r} cannot be read")
        return self.values[options.name]


class DummyLogin(Login):
    """Lets in whom a test names.

    :ivar people: who comes back with a code.
    :ivar error: what asking raises instead.
    :ivar unset: what has to be set before it can be used.
    :ivar challenges: PKCE's challenge, by state.
    """

    kind = "dummy"
    title = "the dummy"

    def __init__(self) -> None:
        self.people: dict[str, Identity] = {}
        self.error: Exception | None = None
        self.unset = ""
        self.challenges: dict[str, str] = {}

    def missing(self) -> str:
        return self.unset

    def begin(self, callback: str, state: str, challenge: str) -> str:
        self.challenges[state] = challenge
        return f"https://dummy.example/authorize?{urlencode({'redirect_uri': callback, 'state': state})}"

    async def finish(self, callback: str, code: str, verifier: str) -> Identity:
        if self.error:
            raise self.error
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
        if code not in self.people or challenge not in self.challenges.values():
            raise PermissionError("it does not take the code")
        return self.people[code]
