"""Every service of this host: where each is, and starting, ending and showing them all.

They survive the deployer, but not the host: after it was started, `manage.py host_services start` brings them back.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.api import Observation, ServicePlace, Stalled
from plugins.host import checks, supervision
from plugins.host.files import safe_name
from plugins.host.options import DeployerOptions
from plugins.host.releases import ServiceDirectory


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the table of services."""

    name: str
    directory: Path
    seen: Observation


def place_of(service: ServicePlace, data: Path) -> ServiceDirectory:
    """Where a service is.

    :raises Stalled: it is on another host.
    """
    if service.host not in ("", "localhost", socket.gethostname()):
        raise Stalled(f"the deployer `host` works on the runner's own host, not on {service.host}: leave out `host`")
    return ServiceDirectory(_declared(service, data) or _listed(service, data))


def enlist(service: ServicePlace, data: Path) -> None:
    """Have a service among those of this host: by a link, when its directory is elsewhere.

    :raises Stalled: it was in another directory, where it may still run.
    """
    listed, declared = _listed(service, data), _declared(service, data)
    listed.parent.mkdir(parents=True, exist_ok=True)
    if declared and not listed.exists() and not listed.is_symlink():
        listed.symlink_to(declared)
    if listed.exists() and listed.resolve() != (declared.resolve() if declared else listed.absolute()):
        raise Stalled(
            f"service {service.name} was in {listed.resolve()} before, where it may still run: "
            f"end it with `manage.py host_services stop`, remove {listed}, and deploy again"
        )


def _declared(service: ServicePlace, data: Path) -> Path | None:
    assert isinstance(service.options, DeployerOptions)
    return Path(service.options.directory) if service.options.directory else None


def _listed(service: ServicePlace, data: Path) -> Path:
    name = f"{service.name}@{service.host}" if service.host else service.name
    return data / "services" / safe_name(name)


def all_of(data: Path) -> Iterator[tuple[str, ServiceDirectory]]:
    """The services that were ever deployed here, with their names."""
    for path in sorted((data / "services").glob("*")):
        if path.is_dir():
            yield path.name, ServiceDirectory(path)


async def start_all(data: Path) -> list[str]:
    """Start every service that has a release and a command; answer their names.

    :raises OperationError: one cannot be started; the others are.
    """
    places = [(name, place) for name, place in all_of(data) if (now := place.current) and now.spec["command"]]
    await _together(supervision.start(place.path) for _, place in places)
    return [name for name, _ in places]


async def stop_all(data: Path) -> list[str]:
    """End every service that runs, and wait until it has; answer their names.

    :raises OperationError: one cannot be ended; the others are.
    """
    places = [(name, place) for name, place in all_of(data) if supervision.look(place.path).alive]
    await _together(supervision.stop(place.path, stop_timeout=_patience(place)) for _, place in places)
    return [name for name, _ in places]


async def show_all(data: Path) -> list[Shown]:
    """Look at every service."""
    places = list(all_of(data))
    seen = await asyncio.gather(*(checks.observe(place) for _, place in places))
    return [Shown(name, place.path, each) for (name, place), each in zip(places, seen, strict=True)]


async def _together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _patience(place: ServiceDirectory) -> float:
    release = place.current
    return float(release.spec["stop_timeout"]) if release else 10
