"""What all builders on the cluster have in common: one submission for each platform."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, cast

from containers import tidying
from core.api import (
    Builder,
    BuildRequest,
    ConfigurationError,
    Context,
    Freed,
    Options,
    Pool,
    Purpose,
    Stalled,
    TidyRequest,
)
from ocluster import pools, settings
from ocluster.options import POOLS, ClusterOptions
from ocluster.submission import Push, Submission

#: An instance of the builder's own options, whose class hides the name of its base.
_Given = Options

#: Builds that upstream's client has at the scheduler at once, in each pool and urgency.
OUTSTANDING = 200


class ClusterBuilder(Builder):
    """Builds a Dockerfile on the cluster. A worker clones the repository by itself, and pushes what it built for a release."""

    Options: ClassVar[type[ClusterOptions]]
    capacity = OUTSTANDING

    #: What the scheduler's administrator told last, by the names of the pools; shared by all builders of a process.
    _pools: ClassVar[dict[str, Pool]] = {}
    #: Who waits for a worker now: for which pool, and how to tell that.
    _waiting: ClassVar[dict[object, tuple[str, str, Callable[[str], None]]]] = {}

    def place(self, platform: str, options: _Given, purpose: Purpose) -> str:
        chosen = cast(ClusterOptions, options)
        try:
            pool = chosen.pool(platform)
        except Stalled:
            return ""
        return f"{pool}, urgent" if _urgent(chosen, purpose) else pool

    def needs(self, options: _Given) -> Sequence[str]:
        return (cast(ClusterOptions, options).dockerfile,)

    async def tidy(self, request: TidyRequest, context: Context) -> Freed:
        return await tidying.tidy(request, context)

    def unsupported(self, platforms: Sequence[str]) -> Sequence[str]:
        return [platform for platform in platforms if platform not in POOLS]

    @abstractmethod
    def _arguments(self, request: BuildRequest) -> tuple[str, ...]:
        """The build arguments, `NAME=value` each."""

    @abstractmethod
    def _push_target(self, request: BuildRequest, pool: str) -> str:
        """Where the worker pushes a release's image for one platform: `repository:tag`."""

    async def build(self, request: BuildRequest, context: Context) -> str:
        options = cast(ClusterOptions, request.options)
        submission = self._submission(request, options, context)
        context.log.note(f"Using cache hint {submission.cache_hint!r}")
        if submission.push:
            context.log.note(f"Will push staging image to {submission.push.target}")
        with self._told(submission.pool, context.waits) as waits:
            output = await settings.submissions().build(submission, context.log, waits)
        if submission.push is None:
            return "nothing kept: it was a check"
        if not output:
            raise Stalled(f"the worker pushed nothing to {submission.push.target}: it does not take our credentials")
        return output

    def _submission(self, request: BuildRequest, options: ClusterOptions, context: Context) -> Submission:
        if not request.clone_url:
            raise Stalled(
                f"workers clone repositories by themselves and have no address for {request.repository}:"
                " give its source one that begins with https:// and holds no password"
            )
        pool = options.pool(request.platform)
        return Submission(
            pool=pool,
            urgent=_urgent(options, request.purpose),
            repository=request.clone_url,
            commits=(request.commit.hash,),
            dockerfile=options.dockerfile,
            build_args=(*self._arguments(request), *options.arguments),
            squash=options.squash,
            buildkit=options.buildkit,
            include_git=options.include_git,
            cache_hint=self._cache_hint(request, options),
            push=self._push(request, pool, context),
        )

    def _cache_hint(self, request: BuildRequest, options: ClusterOptions) -> str:
        return options.cache_hint or f"{request.clone_url}-{options.dockerfile}"

    def _push(self, request: BuildRequest, pool: str, context: Context) -> Push | None:
        if request.purpose is not Purpose.RELEASE:
            return None
        try:
            push = settings.push_to(self._push_target(request, pool))
        except ConfigurationError as error:
            raise Stalled(str(error)) from None
        context.log.redact(push.password)
        return push

    @contextmanager
    def _told(self, pool: str, waits: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
        """Add what is known of the pool to the sentence that says why a build waits, for as long as it waits."""
        key = object()

        def tell(reason: str) -> None:
            self._waiting[key] = (pool, reason, waits)
            waits(self._sentence(pool, reason))

        try:
            yield tell
        finally:
            self._waiting.pop(key, None)

    def _sentence(self, pool: str, reason: str) -> str:
        known = self._pools.get(pool)
        return f"{reason} {pools.sentence(known)}" if reason.startswith("Waits for a worker") and known else reason

    def _know(self, told: Sequence[Pool]) -> None:
        """Take in what the administrator tells now, and tell it on."""
        self._pools.clear()
        self._pools.update({pool.name: pool for pool in told})
        for pool, reason, waits in list(self._waiting.values()):
            if reason:
                waits(self._sentence(pool, reason))


def _urgent(options: ClusterOptions, purpose: Purpose) -> bool:
    return options.urgent == "always" or (options.urgent == "release" and purpose is Purpose.RELEASE)
