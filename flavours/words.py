"""What the flavours of the OCaml community have in common: their machines, their images, and how services are written.

A service is three lines in a flavour: a `swarm(NAME, HOST, uri=…)` in the `services` of the branch that it follows.
"""

from collections.abc import Mapping
from types import MappingProxyType

from core.api import FromInput, Recipe, Repository, Service, Target, Use

X86, ARM64, PPC64, S390X, RISCV64 = "linux/amd64", "linux/arm64", "linux/ppc64le", "linux/s390x", "linux/riscv64"

#: The host of the deployer itself.
HERE = ""
#: Where workers push to; every release is copied from there.
STAGING = "ocurrentbuilder/staging"
#: Seconds for a build. The machines with RISC-V take twice as long.
TIMEOUT = 50 * 60


def github(name: str, *recipes: Recipe) -> Repository:
    """A repository at GitHub, and what is built from it."""
    return Repository(name, source=Use("github"), recipes=recipes)


def docker(
    name: str,
    *targets: Target,
    dockerfile: str = "Dockerfile",
    platforms: tuple[str, ...] = (X86,),
    include_git: bool = False,
    arguments: tuple[str, ...] = (),
    args: Mapping[str, str | FromInput] = MappingProxyType({}),
    recheck: bool = False,
) -> Recipe:
    """A Dockerfile that is built on the cluster, for each of the platforms.

    :param arguments: more of what a worker passes to `docker build`, as it stands.
    :param args: build arguments.
    """
    return Recipe(
        name,
        builder=Use("ocluster", dockerfile=dockerfile, include_git=include_git, arguments=arguments, staging=STAGING),
        platforms=platforms,
        args=args,
        targets=targets,
        timeout=TIMEOUT * (2 if RISCV64 in platforms else 1),
        recheck=recheck,
    )


def deploy(branch: str, image: str, *services: Service) -> Target:
    """A branch that is published as an image, and runs as these services."""
    return Target(branch, image, services)


def swarm(name: str, host: str, uri: str = "") -> Service:
    """A service of a Docker Swarm.

    :param host: a Docker context's name, or else a host that ssh reaches; whom as, `~/.ssh/config` says.
    """
    return Service(name, deployer=Use("docker_swarm"), host=host, uri=uri)
