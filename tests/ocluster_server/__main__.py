"""Run the stand-in: `python -m tests.ocluster_server DIRECTORY`, as `Scheduler` does. It ends when its standard input does."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from tests.ocluster_server.access import Access
from tests.ocluster_server.cluster import Cluster
from tests.ocluster_server.control import Control
from tests.ocluster_server.script import Rule, Script
from tests.ocluster_server.server import Server


async def main(directory: Path) -> None:
    """Serve. The first line of the standard input has the settings, see `Scheduler.start`."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 30)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, reader.feed_eof)
    control = await _start(directory, json.loads(await reader.readline()))
    _say(json.dumps({"answer": None}))
    while line := await reader.readline():
        _say(control.answer(line))


async def _start(directory: Path, settings: dict[str, Any]) -> Control:
    access = Access(directory, tls=settings["tls"])
    rules = [Rule(each["pool"], each["repository"], Script.of(each["script"])) for each in settings["rules"]]
    cluster = Cluster(settings["pools"], rules, settings["first"])
    server = Server(cluster, access, secure=settings["tls"])
    await server.listen(settings["port"])
    access.write_files(settings["clients"])
    return Control(cluster, access, server)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
