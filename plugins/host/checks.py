"""Whether a release of a service is well: what its supervisor and its health check say together."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from core.api import Health, Observation
from plugins.host import health, supervision
from plugins.host.health import Answer
from plugins.host.releases import HostRelease, ServiceDirectory

#: Seconds that a process without a health check has to stay up.
STAYS_UP = 2.0
#: Restarts after which a new release will not come up.
HOPELESS = 4


def explained(release: HostRelease) -> str:
    """Say what counts as healthy, for how long it is waited for, and who said so."""
    seconds = f"within {release.spec['health_timeout']:g} s (option `health_timeout`)"
    if release.spec["health"]:
        return f"healthy means: {release.spec['health']} (option `health`) answers 2xx or 3xx {seconds}"
    if release.spec["command"]:
        return f"healthy means: the process stays up for {STAYS_UP:g} s {seconds}, as the option `health` is empty"
    if release.spec["activate"]:
        return "healthy means: the activation command succeeds, as the option `health` is empty"
    return "healthy means: the link is there, as there is nothing to run"


async def ask(directory: Path, release: HostRelease) -> Answer:
    """Ask once whether this release, which is the current one, is well."""
    if release.spec["command"]:
        return await _ask_process(directory, release)
    if release.spec["health"]:
        return await health.ask(release.spec["health"])
    return Answer(healthy=True, detail="is in place")


async def _ask_process(directory: Path, release: HostRelease) -> Answer:
    before = supervision.look(directory)
    if not before.runs(release.name):
        ended = f" ({before.last_exit})" if before.last_exit else ""
        return Answer(healthy=False, detail=f"does not run{ended}", hopeless=before.restarts >= HOPELESS)
    if not release.spec["health"]:
        up = _seconds_up(before)
        return Answer(
            healthy=up >= STAYS_UP, detail=f"has been up for {max(up, 0):.0f} s", hopeless=before.restarts >= HOPELESS
        )
    answer = await health.ask(release.spec["health"])
    if answer.healthy and supervision.look(directory).process != before.process:
        return Answer(healthy=False, detail="ended while it was asked: something else answers at its address")
    return answer


async def observe(place: ServiceDirectory) -> Observation:
    """Look at a service."""
    release = place.current
    if not release:
        return Observation(digest=None, health=Health.ABSENT, detail="no release is in place")
    settled = place.settled
    since = place.settled_at if settled and settled.name == release.name else None
    if release.spec["activate"] and since is None:
        return Observation(digest=release.digest, health=Health.UNKNOWN, detail="its activation was not finished")
    answer = await ask(place.path, release)
    state = supervision.look(place.path)
    verdict = Health.HEALTHY if answer.healthy else _unwell(release, state)
    return Observation(digest=release.digest, health=verdict, since=since, detail=_detail(release, state, answer))


def _unwell(release: HostRelease, state: supervision.State) -> Health:
    starting = state.runs(release.name) and _seconds_up(state) < release.spec["health_timeout"]
    return Health.STARTING if starting else Health.UNHEALTHY


def _detail(release: HostRelease, state: supervision.State, answer: Answer) -> str:
    if not release.spec["command"]:
        return answer.detail
    if not state.alive:
        return "its supervisor does not run: `manage.py host_services start` starts it"
    process = f"process {state.process}" if state.process else "its process"
    restarts = f"; restarts: {state.restarts}, the last as it {state.last_exit}" if state.restarts else ""
    return f"{process} {answer.detail}{restarts}"


def _seconds_up(state: supervision.State) -> float:
    return (datetime.now(UTC) - state.started).total_seconds() if state.started else 0.0
