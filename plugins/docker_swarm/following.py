"""Watching a service move: what its tasks do goes into the log as it happens, with the evidence of what fails."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from core.api import Log
from plugins.docker_swarm.client import LINES, Swarm, SwarmService
from plugins.docker_swarm.tasks import Task

#: Characters of a health check's answer that are kept.
_ANSWER = 500
#: How the engine names a task in its message (`update paused due to failure or early termination of task ID`).
_TASK = re.compile(r"\btask (\w{25})\b")


class Follower:
    """Remembers what the log was told, through a whole move and across lost connections."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tasks: dict[str, str] = {}
        self._checks: set[tuple[str, str]] = set()
        self._health: dict[str, str] = {}
        self._failed: set[str] = set()
        self._update = ""
        self._named: set[str] = set()
        #: The last thing that went wrong, for the sentence that people read first.
        self.fault = ""
        #: What became of the task that the engine blames for the end of an update, where that is not told as a fault.
        self.blamed = ""
        #: Whether the last thing that went wrong is that a task found no node: the release is not to blame for that.
        self.is_unplaced = False
        self._back = False

    async def look(self, swarm: Swarm, service: SwarmService, before: Collection[str]) -> Sequence[Task]:
        """Read the tasks, tell what is new of them, and answer all.

        :param before: ids of tasks from before the move, of which nothing is told.
        """
        if (said := f"{service.update}: {service.message}") != self._update and service.update:
            self._update = said
            self._log.note(f"update {service.update.replace('_', ' ')}" + _because(service.message))
        self._named.update(_TASK.findall(service.message))
        self._back = service.update.startswith("rollback")
        tasks = await swarm.tasks(service)
        for task in sorted(tasks, key=lambda task: task.created_at):
            if task.id not in before:
                await self._tell(swarm, task)
        return tasks

    async def _tell(self, swarm: Swarm, task: Task) -> None:
        if task.state == "starting" or (task.broken and task.id not in self._failed):
            await self._tell_health(swarm, task)
        if task.told and self._tasks.get(task.id) != task.told:
            self._tasks[task.id] = task.told
            self._log.note(task.told)
            if task.unplaced:
                self.fault, self.is_unplaced = task.told, True
        # A look that comes late finds a rollback that is over, whose message names no task any more.
        is_blamed = task.id in self._named or (self._back and not self._named and not self.blamed)
        if is_blamed and task.ended_badly and task.id not in self._failed:
            # It failed, and was told to end before the swarm had noted that.
            self._failed.add(task.id)
            self.blamed = task.told
            await self._tell_last_lines(swarm, task)
        if task.broken and task.id not in self._failed:
            self._failed.add(task.id)
            # What its health check said last tells more than that it was not healthy.
            self.is_unplaced = False
            self.fault = task.told + self._health.get(task.id, "")
            await self._tell_last_lines(swarm, task)

    async def _tell_health(self, swarm: Swarm, task: Task) -> None:
        """Tell each answer of a health check that was not good, before its container goes."""
        found = await swarm.container(task.container) if task.container else None
        health = ((found or {}).get("State") or {}).get("Health") or {}
        for check in health.get("Log") or []:
            key = (task.id, check.get("Start", ""))
            if key in self._checks:
                continue
            self._checks.add(key)
            if check.get("ExitCode"):
                answer = " ".join(str(check.get("Output", "")).split())[:_ANSWER] or "no answer"
                if not (task.broken and task.id in self._health):
                    # What it answers while it is being ended tells nothing of why.
                    self._health[task.id] = f"; its health check answered: {answer}"
                self._log.note(f"health check of {task.slot} failed (exit code {check['ExitCode']}): {answer}")

    async def _tell_last_lines(self, swarm: Swarm, task: Task) -> None:
        lines = await swarm.last_lines(task)
        if lines.strip():
            more = lines.count(b"\n") >= LINES
            self._log.note(f"the last {LINES} lines of {task.slot}:" if more else f"{task.slot} printed:")
            self._log.write(lines.rstrip(b"\n") + b"\n")

    def unplaced(self, tasks: Iterable[Task]) -> Task | None:
        """The task that waits longest for a node, if any does."""
        waiting = [task for task in tasks if task.wanted and task.unplaced]
        return min(waiting, key=lambda task: task.changed_at, default=None)


def _because(message: str) -> str:
    return f": {message}" if message and message not in ("update in progress", "update completed") else ""
