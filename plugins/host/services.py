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
from plugins.host.trees import disk_errors


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
    return ServiceDirectory(_declared(service) or _listed(service, data))


def enlist(service: ServicePlace, data: Path) -> None:
    """Have a service among those of this host: by a link, when its directory is elsewhere.

    :raises Stalled: it was in another directory, where it may still run.
    :raises OperationError: the disk refuses.
    """
    listed, declared = _listed(service, data), _declared(service)
    with disk_errors(listed):
        listed.parent.mkdir(parents=True, exist_ok=True)
        if not listed.exists():
            listed.unlink(missing_ok=True)  # a link to what is there no more
            if declared:
                listed.symlink_to(declared)
    expected = declared.resolve() if declared else listed.parent.resolve() / listed.name
    if listed.exists() and listed.resolve() != expected:
        raise Stalled(
            f"service {service.name} was in {listed.resolve()} before, where it may still run: "
            f"end it with `manage.py host_services stop`, remove {listed}, and deploy again"
        )


def _declared(service: ServicePlace) -> Path | None:
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
    """Start every service that has a release and a command and does not run; answer their names.

    :raises OperationError: one cannot be started; the others are.
    """
    places = [(name, place) for name, place in all_of(data) if _is_down(place)]
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


def _is_down(place: ServiceDirectory) -> bool:
    release = place.current
    return release is not None and bool(release.spec["command"]) and not supervision.look(place.path).alive


def _patience(place: ServiceDirectory) -> float:
    release = place.current
    return float(release.spec["stop_timeout"]) if release else 10
