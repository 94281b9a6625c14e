"""Print the figures of the hot paths, each as a ratio within the same run: `make bench`, or `make bench ARGS=reconcile`."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile

NAMES = (
    "evaluation",
    "diagrams",
    "reconcile",
    "pages",
    "push_to_log",
    "webhooks",
    "log_throughput",
    "live_log",
    "large_log",
    "packed_logs",
    "metrics",
    "memory",
    "docker",
    "ocluster",
)


def main() -> int:
    wanted = sys.argv[1:] or NAMES
    if unknown := set(wanted) - set(NAMES):
        print(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}")
        return 2
    with tempfile.TemporaryDirectory() as directory:
        os.environ["DEPLOYER_DATA_DIR"] = directory
        os.environ["DJANGO_SETTINGS_MODULE"] = "deployer_site.settings"
        os.environ["DEPLOYER_LOG_LEVEL"] = "ERROR"
        import django

        django.setup()
        for name in wanted:
            print(f"\n{name}", flush=True)
            importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
