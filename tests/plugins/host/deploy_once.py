"""A process that deploys, for tests that kill it: every line of its log is printed at once.

Arguments: the data directory, a scratch directory, the service's options as JSON, the digest.
"""

import asyncio
import sys
from pathlib import Path

from core.api import Context, DeployRequest, Release, ServicePlace
from core.testing.logs import RecordingLog
from plugins.host.deployer import HostDeployer
from plugins.host.options import DeployerOptions


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    data, scratch, options, digest = sys.argv[1:]
    service = ServicePlace(name="hello", options=DeployerOptions.model_validate_json(options))
    request = DeployRequest(service=service, release=Release(image="sample/hello:live", digest=digest))
    log = RecordingLog(say)
    say("ready")
    asyncio.run(HostDeployer().deploy(request, Context(log=log, scratch=Path(scratch), data=Path(data))))


if __name__ == "__main__":
    main()
