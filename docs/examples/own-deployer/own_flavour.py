"""A deployer that looks after itself: its own services are declared as any others are."""

from core.api import Flavour, Recipe, Repository, Service, Target, Use

#: The stack's name: `docker stack deploy … deployer`.
STACK = "deployer"


def process(name: str) -> Service:
    """One of the stack's services, which the runner itself is one of."""
    return Service(f"{STACK}_{name}", deployer=Use("docker_swarm"))


flavour = Flavour(
    name="own",
    repositories=[
        Repository(
            "acme/deployer",
            source=Use("git", url="https://git.example.org/acme/deployer.git"),
            recipes=[
                Recipe(
                    "image",
                    builder=Use("docker"),
                    targets=[
                        Target(
                            "live",
                            "registry.example.org/acme/deployer:live",
                            # The web migrates, so it goes first. What it cannot do, the others never try.
                            [process("web"), process("qcluster"), process("runner")],
                            rollout="in-order",
                        ),
                    ],
                ),
            ],
        ),
    ],
)
