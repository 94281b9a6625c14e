"""Run the demo: `python -m deployer_site.demo [--once]`. `make demo` sets up what it needs and runs this."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo ARGS=…", description="Keep a sample service deployed.")
    parser.add_argument("--once", action="store_true", help="end when nothing is left to do: 0 if all is well")
    parser.add_argument("--host", default="127.0.0.1", help="address of the pages (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port of the pages (default: %(default)s)")
    parser.add_argument("--data", default="data/demo", help="where the demo keeps everything (default: %(default)s)")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deployer_site.settings")
    os.environ.setdefault("DEPLOYER_DATA_DIR", str(Path(arguments.data).resolve()))
    os.environ.setdefault("DEPLOYER_BASE_URL", f"http://{arguments.host}:{arguments.port}")
    os.environ.setdefault("DEPLOYER_LOG_LEVEL", "ERROR")

    import django

    django.setup()
    from deployer_site.demo.run import Demo

    return Demo(arguments.host, arguments.port, once=arguments.once).run()


if __name__ == "__main__":
    sys.exit(main())
