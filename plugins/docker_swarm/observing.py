"""What a service runs now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Health, Observation
from plugins.docker_swarm import specs
from plugins.docker_swarm.client import SwarmService
from plugins.docker_swarm.tasks import Standing, Task, standing


def observation(service: SwarmService, tasks: Sequence[Task]) -> Observation:
    """Read off a service and its tasks what it runs, how well, and what was changed by others."""
    running = [task for task in tasks if task.wanted and task.state == "running"]
    digests = {task.digest for task in running}
    wanted = specs.digest_of(service.spec)
    digest = digests.pop() if len(digests) == 1 else wanted
    stands = standing(tasks, digest, specs.scale(service.spec))
    return Observation(
        digest=digest or None,
        health=_health(service, stands, tasks),
        since=max((task.changed_at for task in running), default=None),
        detail="; ".join([str(stands), *_remarks(service, stands, tasks, mixed=bool(digests))]),
        drift=specs.drift(service.spec, service.previous),
    )


def _health(service: SwarmService, stands: Standing, tasks: Sequence[Task]) -> Health:
    if not stands.wanted:
        return Health.ABSENT
    if service.update in ("paused", "rollback_paused"):
        return Health.UNHEALTHY
    if stands.reached:
        return Health.HEALTHY
    moving = service.update in ("updating", "rollback_started")
    starting = any(task.wanted and task.state in ("preparing", "starting", "ready", "assigned") for task in tasks)
    return Health.STARTING if moving or starting else Health.UNHEALTHY


def _remarks(service: SwarmService, stands: Standing, tasks: Sequence[Task], *, mixed: bool) -> list[str]:
    remarks = []
    if not stands.wanted:
        remarks.append("it is scaled to 0")
    if mixed:
        remarks.append("they run different images")
    if service.update in ("updating", "paused", "rollback_started", "rollback_paused"):
        remarks.append(f"update {service.update.replace('_', ' ')}: {service.message}")
    if stands.running < stands.wanted:
        faults = [task for task in tasks if task.error]
        remarks += [max(faults, key=lambda task: task.changed_at).told] if faults else []
    return [remark for remark in remarks if remark]
