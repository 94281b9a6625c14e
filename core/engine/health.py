"""The care that a service gets after its move: how long it is watched, what is asked of it, what a failure leads to."""

from __future__ import annotations

from dataclasses import dataclass

from asgiref.sync import sync_to_async

from core.engine import uri_checks
from core.engine.soak import PATIENCE, Finding, Look, Soak, soak, take_back
from core.interfaces import Deployer
from core.models import Deployment, Service
from core.operation_values import Context, DeployRequest
from core.pipeline.declaration import HealthCheck
from core.services import unhealthy
from core.states import Health
from core.values import Observation

#: Checks from outside in a row that may fail of a service that was well already.
FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """What there is to do after a move.

    :param seconds: for which the service is watched; 0: until it is well once, where there is a check.
    :param awaited: other services move only after it.
    :param found: what an attempt before this one found wrong and did not live to see taken back.
    """

    deployment: int
    seconds: int = 0
    check: HealthCheck | None = None
    uri: str = ""
    awaited: bool = False
    found: str = ""

    @property
    def watches(self) -> bool:
        return bool(self.seconds or self.check or self.found)

    @property
    def longest(self) -> float:
        """Seconds that it may take beside the moves."""
        return self.seconds + (self.check.grace + PATIENCE if self.check else PATIENCE if self.seconds else 0)

    async def mark(self, found: str) -> None:
        """Write down what is wrong before anything is done about it, so that a runner that is killed then leaves what is
        bad to nobody who would begin with it again."""
        await sync_to_async(unhealthy.mark)(self.deployment, found)


def care_of(deployment: Deployment) -> Care:
    """Read what is declared. A rollback is not watched: there is nothing to go back to that a person wanted."""
    service = deployment.service
    if deployment.rollback:
        return Care(deployment=deployment.pk)
    return Care(
        deployment=deployment.pk,
        seconds=service.watched,
        check=check_of(service),
        uri=service.uri,
        awaited=service.is_awaited,
        found=deployment.unhealthy,
    )


def check_of(service: Service) -> HealthCheck | None:
    """The check from outside that is declared of a service."""
    return HealthCheck(**service.health_check) if service.health_check else None


async def watch(care: Care, deployer: Deployer, request: DeployRequest, context: Context) -> None:
    """Return once a service that was moved is well, for as long as it has to be.

    :raises DeploymentFailed: it was not; it was taken back to what it ran before, if it ran anything.
    :raises OperationError: nobody can tell how it is.
    :raises Waiting: the runner is being stopped.
    """
    if care.found:
        raise await take_back(deployer, request, care.found, None, context)
    if not care.watches:
        return
    outside = Outside(care.check, care.uri) if care.check else None
    plan = Soak(
        seconds=care.seconds,
        awaited=care.awaited,
        interval=care.check.interval if care.check else None,
        patience=max(PATIENCE, care.check.grace if care.check else 0),
    )
    await soak(deployer, request, plan, context, also=outside.look if outside else None, found=care.mark)


class Outside:
    """What the checks from outside come to, look by look. Times are seconds of one clock."""

    def __init__(self, check: HealthCheck, uri: str) -> None:
        self._check, self._uri = check, uri
        self._began: float | None = None
        self._was_well = False
        self._failures = 0

    async def look(self, seen: Look, now: float) -> Look:
        """Add what is seen from outside to what the deployer sees."""
        if seen.finding is not Finding.WELL:
            return seen
        return self.judge(seen, await uri_checks.ask(self._check, self._uri), now)

    def judge(self, seen: Look, answer: uri_checks.Answer, now: float) -> Look:
        """What a check means, after those before it: a service gets time to begin with, and may fail now and then."""
        self._began = now if self._began is None else self._began
        if answer.well:
            self._was_well, self._failures = True, 0
            return Look(seen.finding, f"{seen.words}; {answer.words}", seen.running)
        self._failures += 1
        bad = self._failures >= FAILURES if self._was_well else now - self._began >= self._check.grace
        return Look(Finding.BAD if bad else Finding.STARTING, f"not well: {answer.words}", seen.running)


async def seen_from_outside(service: Service, seen: Observation) -> Observation:
    """Add a check from outside, where one is declared, to what a deployer sees at a regular look."""
    check = check_of(service)
    if check is None or seen.health not in (Health.HEALTHY, Health.UNKNOWN):
        return seen
    answer = await uri_checks.ask(check, service.uri)
    detail = "; ".join(filter(None, [seen.detail, answer.words]))
    return Observation(
        digest=seen.digest,
        health=Health.HEALTHY if answer.well else Health.UNHEALTHY,
        since=seen.since,
        detail=detail,
        drift=seen.drift,
    )
