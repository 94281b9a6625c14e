"""Watching a service that others wait for, for a while after its move; taking it back when it does not stay healthy.

Killed while it goes on, the job is run again: the move changes nothing then, and the service is watched from the beginning.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from enum import Enum, auto

from core.errors import DeploymentFailed, OperationError, Waiting
from core.interfaces import Deployer
from core.states import Health
from core.values import Context, DeployRequest, Observation

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
    """

    def __init__(self, until: float) -> None:
        self.until = until
        self._unclear_since: float | None = None

    def decide(self, look: Look, now: float) -> Decision:
        match look.finding:
            case Finding.BAD:
                return Decision.TAKE_BACK
            case Finding.WELL:
                self._unclear_since = None
                return Decision.DONE if now >= self.until else Decision.GO_ON
        self._unclear_since = now if self._unclear_since is None else self._unclear_since
        if now - self._unclear_since < PATIENCE:
            return Decision.GO_ON
        return Decision.TAKE_BACK if look.finding is Finding.STARTING else Decision.GIVE_UP


async def soak(deployer: Deployer, request: DeployRequest, seconds: int, context: Context) -> None:
    """Return once the service has been watched for so many seconds and was well.

    :raises DeploymentFailed: it was not; it was taken back to what it ran before, if it ran anything.
    :raises OperationError: nobody can tell how it is.
    :raises Waiting: the runner is being stopped.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    watch, told = Watch(began + seconds), _Told(context, began + seconds)
    context.log.note(f"soaking for {seconds} s: the others follow if it stays healthy")
    while True:
        look = await _look(deployer, request, context)
        decision = watch.decide(look, clock())
        told.tell(look, clock())
        match decision:
            case Decision.DONE:
                context.log.note(f"soaked for {seconds} s: {look.words}")
                return
            case Decision.TAKE_BACK:
                raise await _take_back(deployer, request, look, context)
            case Decision.GIVE_UP:
                raise OperationError(
                    f"while it soaked, nobody could tell how it was for {PATIENCE:.0f} s: {look.words}"
                )
        if context.stopping():
            raise Waiting("Its runner was stopped while it soaked; it soaks again", retry_in=0)
        await asyncio.sleep(min(_INTERVAL, seconds / 4))


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


async def _take_back(deployer: Deployer, request: DeployRequest, look: Look, context: Context) -> DeploymentFailed:
    """Move the service back to what it ran before; answer what there is to say of the deployment then."""
    found = f"while it soaked, it was {look.words}; the others were not moved"
    previous = request.previous
    if previous is None or previous.digest == request.release.digest:
        return DeploymentFailed(f"{found}; there is no earlier release to take it back to", running=look.running)
    context.log.note(f"{look.words}: taking it back to {previous.reference}")
    try:
        await deployer.deploy(replace(request, release=previous, previous=request.release), context)
    except DeploymentFailed as error:
        return DeploymentFailed(f"{found}, and it could not be taken back: {error}", running=error.running)
    return DeploymentFailed(f"{found}, and it was taken back to what it ran before", running=previous.digest)
