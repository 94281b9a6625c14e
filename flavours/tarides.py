"""What Tarides keeps deployed, shown at https://deploy.ci.dev/."""

from core.api import Flavour, Use
from flavours.words import ARM64, PPC64, RISCV64, S390X, X86, deploy, docker, github, swarm

flavour = Flavour(
    name="tarides",
    title="Tarides",
    base_url="https://deploy.ci.dev/",
    admins=[
        "github:avsm",
        "github:dra27",
        "github:moyodiallo",
        "github:MisterDA",
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
            "ocurrent/ocurrent-deployer",
            docker(
                "deployer",
                deploy(
                    "live-ci3",
                    "ocurrent/ci.ocamllabs.io-deployer:live-ci3",
                    swarm("infra_tarides-deployer", "chives.caelum.ci.dev", uri="deploy.ci.dev"),
                ),
            ),
        ),
        github(
            "ocurrent/ocaml-ci",
            docker(
                "engine",
                deploy(
                    "live-engine",
                    "ocurrent/ocaml-ci-service:live",
                    swarm("ocaml-ci_ci", "ocaml.ci.dev", uri="ocaml.ci.dev:8100"),
                ),
                platforms=(X86, ARM64),
                include_git=True,
            ),
            docker(
                "gitlab",
                deploy(
                    "live-engine",
                    "ocurrent/ocaml-ci-gitlab-service:live",
                    swarm("ocaml-ci_gitlab", "ocaml.ci.dev", uri="ocaml.ci.dev:8200"),
                ),
                dockerfile="Dockerfile.gitlab",
                platforms=(X86, ARM64),
            ),
            docker(
                "web",
                deploy(
                    "live-www",
                    "ocurrent/ocaml-ci-web:live",
                    swarm("ocaml-ci_web", "ocaml.ci.dev", uri="ocaml.ci.dev"),
                ),
                dockerfile="Dockerfile.web",
                platforms=(X86, ARM64),
            ),
        ),
        github(
            "ocurrent/ocluster",
            docker(
                "scheduler",
                deploy("live-scheduler", "ocurrent/ocluster-scheduler:live"),
                platforms=(X86, ARM64),
                include_git=True,
            ),
            docker(
                "worker",
                deploy("live-worker", "ocurrent/ocluster-worker:live"),
                dockerfile="Dockerfile.worker",
                platforms=(X86, ARM64, PPC64, S390X, RISCV64),
                include_git=True,
                arguments=("--ulimit stack=1000000000:1000000000",),
            ),
            docker(
                "worker-alpine",
                deploy("live-worker", "ocurrent/ocluster-worker:alpine"),
                dockerfile="Dockerfile.worker.alpine",
                platforms=(X86, ARM64),
                include_git=True,
            ),
        ),
        github(
            "ocurrent/clarke",
            docker("clarke", deploy("live", "ocurrent/clarke:live"), platforms=(X86, ARM64), include_git=True),
        ),
        github(
            "ocaml-bench/sandmark-nightly",
            docker(
                "sandmark",
                deploy(
                    "main",
                    "ocurrent/sandmark-nightly:live",
                    swarm("infra_sandmark", "chives.caelum.ci.dev", uri="sandmark.tarides.com"),
                ),
                include_git=True,
            ),
        ),
        github(
            "ocurrent/solver-service",
            docker("live", deploy("live", "ocurrent/solver-service:live"), platforms=(X86, ARM64), include_git=True),
            docker(
                "staging",
                deploy("staging", "ocurrent/solver-service:staging"),
                platforms=(X86, ARM64),
                include_git=True,
            ),
        ),
        github(
            "ocurrent/ocurrent-observer",
            docker(
                "observer", deploy("live", "ocurrent/ocurrent-observer:live"), platforms=(RISCV64,), include_git=True
            ),
        ),
        github(
            "ocurrent/ocurrent-configurator",
            docker(
                "configurator",
                deploy("live", "ocurrent/ocurrent-configurator:live"),
                platforms=(RISCV64,),
                include_git=True,
            ),
        ),
    ],
)
