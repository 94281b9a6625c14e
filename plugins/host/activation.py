"""Running the command that makes a release live: `systemctl restart hello`, a script of the release."""

from __future__ import annotations

import asyncio
import secrets
import shlex

from core.api import CommandFailed, Context, OperationError, run
from plugins.host import processes
from plugins.host.commands import found_in
from plugins.host.files import read_json, write_json
from plugins.host.releases import HostRelease, ServiceDirectory

#: What is on every process that an activation starts. Another value each time: what one that was killed left behind has
#: to be ended, what one that succeeded left running is the service.
MARK = "DEPLOYER_ACTIVATION"


async def activate(place: ServiceDirectory, release: HostRelease, context: Context) -> None:
    """Run a release's activation command in it.

    It does not hold the job's leash: a daemon that it starts would be ended at the next deployment.

    :raises CommandFailed: it exited with a status other than 0.
    :raises OperationError: processes of an earlier one cannot be ended.
    """
    await sweep(place)
    mark = secrets.token_hex(8)
    write_json(place.activating, {"mark": mark})
    words = release.spec["activate"]
    env = {**release.spec["env"], MARK: mark}
    try:
        await run(found_in(release.path, words), log=context.log, cwd=release.path, env=env, echo=shlex.join(words))
    except CommandFailed as error:
        raise CommandFailed(shlex.join(words), error.status) from None
    place.activating.unlink()


async def sweep(place: ServiceDirectory) -> None:
    """End what an activation that was not finished left behind.

    :raises OperationError: it cannot be ended.
    """
    mark = read_json(place.activating).get("mark")
    if mark and not await asyncio.to_thread(processes.end, lambda: processes.marked(MARK, mark)):
        raise OperationError(f"processes of an earlier activation in {place.path} cannot be ended")
