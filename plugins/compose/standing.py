"""What a project's containers do, as the engine tells it, and what to think of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from containers.names import digest_in

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
ONEOFF_LABEL = "com.docker.compose.oneoff"
HASH_LABEL = "com.docker.compose.config-hash"


class Verdict(Enum):
    WELL = auto()
    WAITING = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a project.

    :param reference: its image, as it was named when the container was made.
    :param digest: of that image; empty where it is known by none.
    :param status: the engine's word: `created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`.
    :param stays_up: the engine starts it again whenever it ends.
    :param health: `starting`, `healthy`, `unhealthy`; empty where it has no health check.
    :param answer: what the health check said last.
    :param check: the health check, for people.
    :param made_from: names the configuration of its service that compose made it from.
    """

    id: str
    name: str
    service: str
    reference: str
    digest: str
    status: str
    exit_code: int = 0
    error: str = ""
    out_of_memory: bool = False
    restarts: int = 0
    stays_up: bool = False
    health: str = ""
    answer: str = ""
    check: str = ""
    started: datetime | None = None
    made_from: str = ""

    @property
    def completed(self) -> bool:
        """Whether it did its work once, as it was meant to."""
        return self.status == "exited" and self.exit_code == 0 and not self.stays_up

    @property
    def runs(self) -> bool:
        return self.status in ("running", "restarting", "paused")

    @property
    def told(self) -> str:
        """What it does, in a few words."""
        if self.status == "running":
            return {"": "running", "starting": "running, its health check is starting"}.get(self.health, self.health)
        if self.completed:
            return "completed"
        if self.status in ("exited", "restarting", "dead"):
            why = " (out of memory)" if self.out_of_memory else ""
            return f"{self.status.replace('exited', 'ended')} with status {self.exit_code}{why}"
        return f"{self.status}: {self.error}" if self.error else self.status

    def verdict(self, restarts_before: int = 0) -> Verdict:
        """What to think of it.

        :param restarts_before: how often it had been started again when one began to watch.
        """
        if self.completed:
            return Verdict.WELL
        if self.status == "running":
            if self.health == "unhealthy" or self.restarts > restarts_before:
                return Verdict.FAILED
            return Verdict.WAITING if self.health == "starting" else Verdict.WELL
        return Verdict.WAITING if self.status in ("created", "removing") and not self.error else Verdict.FAILED


@dataclass(frozen=True, slots=True)
class Standing:
    """All containers of a project at one moment, by name."""

    containers: tuple[Container, ...] = ()

    def of(self, services: Collection[str]) -> tuple[Container, ...]:
        return tuple(each for each in self.containers if each.service in services)

    def reference(self, services: Collection[str]) -> str:
        """The one image that the services' containers run, pinned where it can be; empty for none or several."""
        running = {(each.reference, each.digest) for each in self.of(services) if each.runs or each.completed}
        if len(running) != 1:
            return ""
        [(reference, digest)] = running
        return f"{_unpinned(reference)}@{digest}" if digest else reference

    def digest(self, services: Collection[str]) -> str | None:
        """The digest of the image that they run; None for none, several, or one that is known by no digest."""
        return digest_in(self.reference(services)) or None

    def differing(self, services: Collection[str]) -> str:
        """Which images the services run, where it is not the same one; else empty."""
        images = {each.service: each.digest or each.reference for each in self.of(services) if each.runs}
        if len(set(images.values())) < 2:
            return ""
        return ", ".join(f"{service} runs {short(image)}" for service, image in sorted(images.items()))

    @property
    def made_from(self) -> dict[str, list[str]]:
        """By service, what each of its containers was made from."""
        services = sorted({each.service for each in self.containers})
        return {service: sorted(each.made_from for each in self.of([service])) for service in services}


def read(told: Mapping[str, Any], repo_digests: Sequence[str] = ()) -> Container:
    """Read a container as the engine describes it (Docker Engine API, `GET /containers/{id}/json`).

    :param repo_digests: of its image, for one whose name tells no digest.
    """
    state, config = told["State"], told["Config"]
    labels, health = config.get("Labels") or {}, state.get("Health") or {}
    reference = str(config.get("Image", ""))
    answers = health.get("Log") or [{}]
    return Container(
        id=told["Id"],
        name=told["Name"].lstrip("/"),
        service=labels.get(SERVICE_LABEL, ""),
        reference=reference,
        digest=digest_in(reference) or next(filter(None, map(digest_in, repo_digests)), ""),
        status=state["Status"],
        exit_code=state.get("ExitCode", 0),
        error=state.get("Error") or "",
        out_of_memory=bool(state.get("OOMKilled")),
        restarts=told.get("RestartCount", 0),
        stays_up=told["HostConfig"].get("RestartPolicy", {}).get("Name") in ("always", "unless-stopped"),
        health=health.get("Status", "").replace("none", ""),
        answer=" ".join(str(answers[-1].get("Output", "")).split())[:500],
        check=_check(config.get("Healthcheck") or {}),
        started=_time(state.get("StartedAt", "")),
        made_from=labels.get(HASH_LABEL, ""),
    )


def summary(standing: Standing, expected: Mapping[str, int]) -> str:
    """One line for people: `2 of 3 containers running, web is unhealthy: …`.

    :param expected: how many containers each service should have.
    """
    containers = standing.of(expected)
    lasting = [each for each in containers if not each.completed]
    lacking = {service: count - len(standing.of([service])) for service, count in expected.items()}
    missing = {service: count for service, count in lacking.items() if count > 0}
    running = sum(each.status == "running" for each in lasting)
    parts = [f"{running} of {len(lasting) + sum(missing.values())} containers running"]
    parts += [f"{service} has no container" for service in missing if not standing.of([service])]
    parts += [f"{each.service} completed" for each in containers if each.completed]
    parts += [f"{each.service} was started again, {each.restarts} times so far" for each in lasting if each.restarts]
    parts += [trouble(each) for each in lasting if each.verdict(each.restarts) is not Verdict.WELL]
    return ", ".join(parts)


def short(digest: str) -> str:
    """A digest as people compare it."""
    return digest.removeprefix("sha256:")[:12]


def trouble(container: Container) -> str:
    """What a container does, and what its health check said where that is not that all is well."""
    said = f": {container.answer}" if container.health != "healthy" and container.answer else ""
    return f"{container.service} is {container.told}{said}"


def _unpinned(reference: str) -> str:
    name = reference.partition("@")[0]
    return re.sub(r":[^:/]+$", "", name)


def _check(check: Mapping[str, Any]) -> str:
    words = check.get("Test") or ["NONE"]
    if words[0] == "NONE":
        return ""
    every, retries = check.get("Interval", 0) / 1e9 or 30, check.get("Retries", 0) or 3
    return f"its health check `{' '.join(words[1:])}`, asked every {every:g} s, {retries} times before it counts"


def _time(text: str) -> datetime | None:
    # Nanoseconds are more than a datetime holds; the year 1 is the engine's word for never.
    short = re.sub(r"(\.\d{6})\d*", r"\1", text)
    return datetime.fromisoformat(short) if text and not text.startswith("0001") else None
