"""Finding a Docker command line that can build, as not every one can."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.api import OperationError, Stalled, ask

#: From this version on the command line builds by its plugin buildx; before, BuildKit is built in.
_BUILDX_SINCE = 23
#: Command lines that can build, by path and time of the program.
_known: dict[tuple[str, int], Client] = {}


@dataclass(frozen=True, slots=True)
class Client:
    """A command line.

    :param lacks: why it cannot build with BuildKit; empty where it can.
    """

    program: str
    version: str
    lacks: str = ""


def programs(path: str) -> Sequence[str]:
    """Every `docker` on a search path, in its order."""
    found = (Path(directory) / "docker" for directory in path.split(os.pathsep) if directory)
    return list(dict.fromkeys(str(each) for each in found if os.access(each, os.X_OK) and each.is_file()))


async def look(program: str, environment: Mapping[str, str]) -> Client:
    """Ask a command line what it can. One that can build is asked once, until the program is another.

    :raises OperationError: it does not answer.
    """
    key = (program, Path(program).stat().st_mtime_ns)
    if key not in _known:
        client = await _ask(program, environment)
        if client.lacks:
            # Its plugin may be installed at any time.
            return client
        _known[key] = client
    return _known[key]


async def _ask(program: str, environment: Mapping[str, str]) -> Client:
    said = (await ask([program, "--version"], env=environment)).decode(errors="replace")
    match = re.search(r"version (\d+)\.(\S+)", said)
    version = f"{match[1]}.{match[2]}".rstrip(",") if match else "of unknown version"
    if match and int(match[1]) < _BUILDX_SINCE:
        return Client(program, version)
    try:
        await ask([program, "buildx", "version"], env=environment)
    except OperationError:
        return Client(program, version, f"{program} ({version}) has no plugin buildx")
    return Client(program, version)


async def choose(environment: Mapping[str, str], *, buildkit: bool) -> Client:
    """The first command line on the PATH that can do it.

    :raises Stalled: there is none; says what to install.
    """
    seen = []
    for program in programs(environment.get("PATH", "")):
        client = await look(program, environment)
        if not client.lacks or not buildkit:
            return client
        seen.append(client.lacks)
    if not seen:
        raise Stalled("docker is not installed on this host: install Docker's command line (Debian: docker.io)")
    raise Stalled(
        f"no docker command line on this host can use BuildKit: {'; '.join(seen)}. Install docker-buildx-plugin, or "
        "Debian's docker.io beside it, or set `buildkit=False` in the recipe's options"
    )
