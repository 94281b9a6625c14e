"""The demo: one repository, one service, all on this machine. See `make demo`."""

import os
import platform

from core.api import Flavour, Recipe, Repository, Service, Target, Use

GIT_PORT = int(os.environ.get("DEMO_GIT_PORT", "8418"))
REGISTRY_PORT = int(os.environ.get("DEMO_REGISTRY_PORT", "8419"))
SERVICE_PORT = int(os.environ.get("DEMO_SERVICE_PORT", "8420"))
#: The service's name in the swarm.
SERVICE = os.environ.get("DEMO_SERVICE", "demo_web")
HERE = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"

#: Built by a command on this host, and run by this host.
on_this_host = Repository(
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
)

#: Built on a Docker engine, published in a registry, and run by the engine's swarm.
on_docker = Repository(
    "demo/web",
    source=Use("git", url=f"http://127.0.0.1:{GIT_PORT}/demo/web.git"),
    poll=60,
    recipes=[
        Recipe(
            "web",
            builder=Use("docker"),
            platforms=[HERE],
            timeout=120,
            targets=[
                Target(
                    branch="live",
                    image=f"127.0.0.1:{REGISTRY_PORT}/demo/web:live",
                    services=[
                        Service(
                            "web",
                            deployer=Use("docker_swarm", service=SERVICE, timeout=120),
                            uri=f"http://127.0.0.1:{SERVICE_PORT}/",
                        ),
                    ],
                ),
            ],
        ),
    ],
)

flavour = Flavour(
    name="demo",
    title="Demo",
    base_url=os.environ.get("DEPLOYER_BASE_URL", "http://127.0.0.1:8000"),
    admins=["demo"],
    repositories=[on_docker if os.environ.get("DEMO_DOCKER") else on_this_host],
)
