"""Run the demo: `python -m deployer_site.demo [--once]`. `make demo` sets up what it needs and runs this."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from core.management.interruption import INTERRUPTED, Interruption, leave


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description="Keep a sample service deployed.")
    parser.add_argument("--once", action="store_true", help="end when nothing is left to do: 0 if all is well")
    parser.add_argument("--host", default="127.0.0.1", help="address of the pages (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port of the pages (default: %(default)s)")
    parser.add_argument("--data", default="data/demo", help="where the demo keeps everything (default: %(default)s)")
    parser.add_argument(
        "--docker",
        choices=("auto", "yes", "no"),
        default="auto",
        help="build and run on Docker Swarm: if an engine answers (auto), in any case (yes), or not (default: %(default)s)",
    )
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")
    os.environ.setdefault("DEPLOYER_DATA_DIR", str(Path(arguments.data).resolve()))
    os.environ.setdefault("DEPLOYER_BASE_URL", f"http://{arguments.host}:{arguments.port}")
    os.environ.setdefault("DEPLOYER_LOG_LEVEL", "ERROR")

    interruption = Interruption()
    with interruption.caught():
        interruption.begin()
        note = choose(arguments.docker)

        import django

        django.setup()
        from deployer_site.demo.run import Demo

        return Demo(arguments.host, arguments.port, once=arguments.once, interruption=interruption, note=note).run()
    # It does not come back; what the command returns is what the demo does.
    return leave(INTERRUPTED if arguments.once else 0)


def choose(docker: str) -> str:
    """Choose between Docker and this host, for all processes of the demo; answers what is to be told about it."""
    from deployer_site.demo import prerequisites

    obstacle = "" if docker == "no" else prerequisites.obstacle()
    if docker == "yes" and obstacle:
        sys.exit(f"The demo cannot use Docker: {obstacle}")
    if docker == "no" or obstacle:
        os.environ.pop("DEMO_DOCKER", None)
        return f"Without Docker: {obstacle}." if obstacle else ""
    os.environ["DEMO_DOCKER"] = "1"
    return ""


if __name__ == "__main__":
    sys.exit(main())
