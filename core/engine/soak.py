"""Watching a service for a while after its move; taking it back when it does not stay healthy.

Killed while it goes on, the job is run again: the move changes nothing then, and the service is watched from the beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum, auto

from core.errors import DeploymentFailed, OperationError, Waiting
from core.interfaces import Deployer
from core.operation_values import Context, DeployRequest
from core.states import Health
from core.values import Observation

#: Seconds between two looks at the service, and between two lines in the log while nothing changes.
_INTERVAL, _TOLD_EVERY = 5.0, 30.0
#: Seconds that the deployer has to answer, and for which it may stay unclear how the service is.
_ANSWER, PATIENCE = 30.0, 60.0


class Finding(Enum):
    """What a look at the service shows: that it is well, that it is not, or neither."""

    WELL = auto()
    STARTING = auto()
    UNKNOWN = auto()
    BAD = auto()


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the service.

    :param words: how it is, for people: `healthy (2 of 2 tasks running)`.
    :param running: the digest that it runs, if that is known.
    """

    finding: Finding
    words: str
    running: str | None = None


def look_of(seen: Observation, digest: str) -> Look:
    """Judge what was seen of a service that should run this digest."""
    words = f"{seen.health} ({seen.detail})" if seen.detail else str(seen.health)
    if seen.health in (Health.UNHEALTHY, Health.ABSENT):
        return Look(Finding.BAD, words, seen.digest)
    if seen.digest != digest:
        other = seen.digest.removeprefix("sha256:")[:12] if seen.digest else "one that no release is known by"
        return Look(Finding.BAD, f"running another image, {other}", seen.digest)
    return Look(Finding.STARTING if seen.health is Health.STARTING else Finding.WELL, words, digest)


class Decision(Enum):
    """What follows from the looks so far. `give_up`: nobody can tell how it is; the job is tried again later."""

    GO_ON = auto()
    DONE = auto()
    TAKE_BACK = auto()
    GIVE_UP = auto()


class Watch:
    """Decides, look by look. Times are seconds of one clock.

    :param until: when the service has been watched for long enough, unless it is unclear then how it is.
    :param patience: seconds for which it may be unclear.
    """

    def __init__(self, until: float, patience: float | None = None) -> None:
        self.until = until
        self._patience = PATIENCE if patience is None else patience
        self._unclear_since: float | None = None

    def decide(self, look: Look, now: float) -> Decision:
        match look.finding:
            case Finding.BAD:
                return Decision.TAKE_BACK
            case Finding.WELL:
                self._unclear_since = None
                return Decision.DONE if now >= self.until else Decision.GO_ON
        self._unclear_since = now if self._unclear_since is None else self._unclear_since
        if now - self._unclear_since < self._patience:
            return Decision.GO_ON
        return Decision.TAKE_BACK if look.finding is Finding.STARTING else Decision.GIVE_UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """How a service is watched.

    :param seconds: for how long; 0: until it is well once.
    :param awaited: whether others follow if it stays well.
    :param interval: seconds between two looks; None for the usual ones.
    :param patience: seconds for which it may stay unclear how it is; None for the usual ones.
    """

    seconds: int
    awaited: bool = True
    interval: float | None = None
    patience: float | None = None

    @property
    def pause(self) -> float:
        """Seconds between two looks: several of them, however short it is."""
        pause = self.interval or _INTERVAL
        return min(pause, self.seconds / 4) if self.seconds else pause

    def found(self, words: str) -> str:
        """What to say of a service that was not well."""
        when = "while it soaked, it was" if self.seconds else "after its move it was"
        return f"{when} {words}" + ("; the others were not moved" if self.awaited else "")


#: Adds to a look what somebody else sees, at this time of the clock.
Also = Callable[[Look, float], Awaitable[Look]]
#: Is told what is wrong with a service.
Found = Callable[[str], Awaitable[None]]


async def soak(
    deployer: Deployer,
    request: DeployRequest,
    plan: Soak,
    context: Context,
    *,
    also: Also | None = None,
    found: Found | None = None,
) -> None:
    """Return once the service has been watched for long enough and was well.

    :param found: told what is wrong before anything is done about it.
    :raises DeploymentFailed: it was not; it was taken back to what it ran before, if it ran anything.
    :raises OperationError: nobody can tell how it is.
    :raises Waiting: the runner is being stopped.
    """
    clock, seconds = asyncio.get_running_loop().time, plan.seconds
    began = clock()
    watch, told = Watch(began + seconds, plan.patience), _Told(context, began + seconds)
    follow = ": the others follow if it stays healthy" if plan.awaited else ""
    context.log.note(f"soaking for {seconds} s{follow}" if seconds else f"watching it until it is well{follow}")
    while True:
        look = await _look(deployer, request, context)
        look = await also(look, clock()) if also else look
        decision = watch.decide(look, clock())
        told.tell(look, clock())
        match decision:
            case Decision.DONE:
                context.log.note(f"soaked for {seconds} s: {look.words}")
                return
            case Decision.TAKE_BACK:
                words = plan.found(look.words)
                context.log.note(f"{words}: it is taken back")
                if found:
                    await found(words)
                raise await take_back(deployer, request, words, look.running, context)
            case Decision.GIVE_UP:
                raise OperationError(
                    f"while it soaked, nobody could tell how it was for {PATIENCE:.0f} s: {look.words}"
                )
        if context.stopping():
            raise Waiting("Its runner was stopped while it soaked; it soaks again", retry_in=0)
        await asyncio.sleep(plan.pause)


class _Told:
    """Says in the log how it goes: when that has changed, and now and then."""

    def __init__(self, context: Context, until: float) -> None:
        self._log = context.log
        self._until = until
        self._words = ""
        self._at = 0.0

    def tell(self, look: Look, now: float) -> None:
        if look.words == self._words and now - self._at < _TOLD_EVERY:
            return
        self._log.note(f"soaking: {look.words}, {max(self._until - now, 0):.0f} s left")
        self._words, self._at = look.words, now


async def _look(deployer: Deployer, request: DeployRequest, context: Context) -> Look:
    try:
        async with asyncio.timeout(_ANSWER):
            return look_of(await deployer.observe(request.service, context.data), request.release.digest)
    except TimeoutError:
        return Look(Finding.UNKNOWN, "its deployer did not answer in time")
    except Exception as error:  # noqa: BLE001  whatever observing raises, it says nothing of the service
        return Look(Finding.UNKNOWN, str(error) or type(error).__name__)


async def take_back(
    deployer: Deployer, request: DeployRequest, found: str, running: str | None, context: Context
) -> DeploymentFailed:
    """Move the service back to what it ran before; answer what there is to say of the deployment then.

    :param found: what is wrong, for people.
    :param running: the digest that it was seen running; None where nobody looked.
    """
    previous = request.previous
    if previous is None or previous.digest == request.release.digest:
        words = f"{found}; there is no earlier release to take it back to, so it is left as it is"
        return DeploymentFailed(words, running=running, unhealthy=True)
    context.log.note(f"taking it back to {previous.reference}")
    try:
        await deployer.deploy(replace(request, release=previous, previous=request.release), context)
    except DeploymentFailed as error:
        words = f"{found}, and it could not be taken back: {error}"
        return DeploymentFailed(words, running=error.running, unhealthy=True)
    words = f"{found}, and it was taken back to what it ran before"
    return DeploymentFailed(words, running=previous.digest, unhealthy=True)
