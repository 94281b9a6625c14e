"""The demo: one repository, one service, all on this machine. See `make demo`."""

import os
import platform

from core.api import Flavour, Recipe, Repository, Service, Target, Use

GIT_PORT = int(os.environ.get("DEMO_GIT_PORT", "8418"))
SERVICE_PORT = int(os.environ.get("DEMO_SERVICE_PORT", "8420"))
HERE = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"

flavour = Flavour(
    name="demo",
    title="Demo",
    base_url=os.environ.get("DEPLOYER_BASE_URL", "http://127.0.0.1:8000"),
    admins=["demo"],
    repositories=[
        Repository(
            "demo/hello",
            source=Use("git", url=f"http://127.0.0.1:{GIT_PORT}/demo/hello.git"),
            poll=60,
            recipes=[
                Recipe(
                    "web",
                    builder=Use("host", command=["python3", "-m", "unittest", "--verbose"]),
                    platforms=[HERE],
                    timeout=120,
                    targets=[
                        Target(
                            branch="live",
                            image="demo/hello:live",
                            services=[
                                Service(
                                    "hello",
                                    deployer=Use(
                                        "host",
                                        command=["python3", "server.py"],
                                        port=SERVICE_PORT,
                                        health="http://127.0.0.1:{port}/health",
                                    ),
                                    uri=f"http://127.0.0.1:{SERVICE_PORT}/",
                                ),
                            ],
                        ),
                    ],
                ),
            ],
        ),
    ],
)
