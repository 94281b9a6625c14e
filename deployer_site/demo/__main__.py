"""Run the demo: `python -m deployer_site.demo [--once]`. `make demo` sets up what it needs and runs this."""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description=__doc__)
    parser.add_argument(
        "--once", action="store_true", help="end when nothing is left to do: 0 if all is well, 1 if not"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of the pages")
    parser.add_argument("--port", type=int, default=8000, help="port of the pages")
    parser.add_argument(
        "--data", type=Path, default=Path("data/demo"), help="directory of everything that the demo keeps"
    )
    arguments = parser.parse_args()
    os.environ.setdefault("DEPLOYER_DATA_DIR", str(arguments.data))
    os.environ.setdefault("DEPLOYER_BASE_URL", f"http://{arguments.host}:{arguments.port}")

    import django

    django.setup()
    from deployer_site.demo import run

    return asyncio.run(run.demo(arguments.host, arguments.port, once=arguments.once))
