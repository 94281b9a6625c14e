"""What MirageOS keeps deployed, shown at https://deploy.mirageos.org/."""

from core.api import Flavour, Recipe, Service, Target, Use
from flavours.words import STAGING, TIMEOUT, X86, deploy, docker, github, swarm

#: The machine that the unikernels run on.
UNIKERNELS = "root@147.75.84.37"
#: Flags of `mirage configure` for the web site that serves by TLS and tells its metrics on a network of their own.
WEB_FLAGS = "--tls=true --metrics --separate-networks"


def www(name: str, target: str, flags: str, *targets: Target) -> Recipe:
    """The web site as a unikernel for one target of Solo5, or for Xen."""
    return Recipe(
        name,
        builder=Use("mirage", target=target, extra_flags=flags),
        platforms=(X86,),
        targets=targets,
        timeout=TIMEOUT,
    )


def unikernel(branch: str, name: str) -> Target:
    """A branch whose unikernel runs under this name. Its image holds the one file, and stays where it was staged."""
    return Target(branch, f"{STAGING}:live-mirage-hvt-{branch}", [Service(name, Use("unikernel"), host=UNIKERNELS)])


flavour = Flavour(
    name="mirage",
    title="MirageOS",
    base_url="https://deploy.mirageos.org/",
    admins=[
        "github:avsm",
        "github:dra27",
        "github:hannesm",
        "github:moyodiallo",
        "github:mtelvers",
        "github:punchagan",
        "github:samoht",
        "github:shonfeder",
        "github:talex5",
        "github:tmcgilchrist",
        "github:cuihtlauac",
    ],
    notifiers=[Use("slack")],
    repositories=[
        github(
            "mirage/mirage-www",
            www("www", "hvt", WEB_FLAGS, unikernel("master", "www")),
            www("xen", "xen", "--tls=true"),
            www("next", "hvt", WEB_FLAGS, unikernel("next", "next")),
        ),
        github(
            "ocurrent/mirage-ci",
            docker(
                "mirage-ci",
                deploy(
                    "live",
                    "ocurrent/mirage-ci:live",
                    swarm("infra_mirage-ci", "chives.caelum.ci.dev", uri="ci.mirageos.org"),
                ),
                include_git=True,
            ),
        ),
        github(
            "ocurrent/ocurrent-deployer",
            docker(
                "deployer",
                deploy(
                    "live-mirage",
                    "ocurrent/deploy.mirageos.org:live",
                    swarm("infra_mirage-deployer", "chives.caelum.ci.dev", uri="deploy.mirageos.org"),
                ),
            ),
        ),
    ],
)
