"""A process that deploys, for tests that kill it: every line of its log is printed at once.

Arguments: the data directory, a scratch directory, the service as JSON (name, host, options), the image, the digest.
"""

import asyncio
import json
import sys
from pathlib import Path

from core.api import Context, DeployRequest, Leash, Release, ServicePlace
from core.testing.logs import RecordingLog
from plugins.compose.deployer import ComposeDeployer
from plugins.compose.options import ComposeOptions


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def deploy(data: Path, scratch: Path, request: DeployRequest) -> None:
    async with Leash(data / "leash").held() as leash:
        context = Context(log=RecordingLog(say), scratch=scratch, data=data, leash=leash)
        await ComposeDeployer().deploy(request, context)


def main() -> None:
    data, scratch, place, image, digest = sys.argv[1:]
    given = json.loads(place)
    options = ComposeOptions.model_validate(given["options"])
    service = ServicePlace(name=given["name"], host=given["host"], options=options)
    request = DeployRequest(service=service, release=Release(image=image, digest=digest))
    asyncio.run(deploy(Path(data), Path(scratch), request))


if __name__ == "__main__":
    main()
