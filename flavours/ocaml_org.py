"""What OCaml.org keeps deployed, shown at https://deploy.ci.ocaml.org."""

from core.api import Flavour, FromInput, Input, Recipe, Repository, Service, Target, Use
from flavours.words import ARM64, HERE, X86, deploy, docker, github, swarm

#: The hosts of the package web site; each pulls the archive of all packages as its base image.
OPAM_4, OPAM_5 = "opam-4.ocaml.org", "opam-5.ocaml.org"
DOCS, DOCS_STAGING = "docs.ci.ocaml.org", "staging.docs.ci.ocamllabs.io"
HOUR, WEEK = 3600, 7 * 24 * 3600


def head(name: str, repository: str) -> Input:
    """The head of a repository's branch `master`."""
    reader = Use("git_head", url=f"https://github.com/{repository}.git", ref="refs/heads/master")
    return Input(name, reader)


flavour = Flavour(
    name="ocaml_org",
    title="OCaml.org",
    base_url="https://deploy.ci.ocaml.org",
    admins=[
        "github:AltGr",
        "github:avsm",
        "github:dra27",
        "github:moyodiallo",
        "github:mtelvers",
        "github:punchagan",
        "github:rjbou",
        "github:samoht",
        "github:shonfeder",
        "github:talex5",
        "github:tmcgilchrist",
        "github:cuihtlauac",
        "github:maiste",
    ],
    notifiers=[Use("slack")],
    inputs=[
        head("opam-repository", "ocaml/opam-repository"),
        head("platform-blog", "ocaml/platform-blog"),
        head("opam", "ocaml/opam"),
        Input("opam-archive", Use("image_pull", image="ocaml/opam:archive", host=OPAM_4), validity=4 * HOUR),
    ],
    repositories=[
        github(
            "ocurrent/ocurrent-deployer",
            docker(
                "deployer",
                deploy(
                    "live-ocaml-org",
                    "ocurrent/ci.ocamllabs.io-deployer:live-ocaml-org",
                    swarm("infra_deployer", HERE, uri="deploy.ci.ocaml.org"),
                ),
            ),
        ),
        github(
            "ocaml/ocaml.org",
            docker(
                "live",
                deploy(
                    "main",
                    "ocurrent/v3.ocaml.org-server:live",
                    swarm("infra_www1", "v3b.ocaml.org", uri="ocaml.org"),
                    swarm("infra_www2", "v3b.ocaml.org", uri="ocaml.org"),
                ),
                include_git=True,
            ),
            docker(
                "staging",
                deploy(
                    "staging",
                    "ocurrent/v3.ocaml.org-server:staging",
                    swarm("infra_www", "v3c.ocaml.org", uri="staging.ocaml.org"),
                ),
                include_git=True,
            ),
        ),
        github(
            "ocurrent/docker-base-images",
            docker(
                "base-images",
                deploy(
                    "live",
                    "ocurrent/base-images:live",
                    swarm("infra_base-images", "chives.caelum.ci.dev", uri="images.ci.ocaml.org"),
                ),
            ),
        ),
        github(
            "ocurrent/ocaml-docs-ci",
            docker("docs-ci", deploy("live", "ocurrent/docs-ci:live", swarm("infra_docs-ci", DOCS, uri=DOCS))),
            docker(
                "init",
                deploy("live", "ocurrent/docs-ci-init:live", swarm("infra_init", DOCS)),
                dockerfile="docker/init/Dockerfile",
            ),
            docker(
                "storage",
                deploy("live", "ocurrent/docs-ci-storage-server:live", swarm("infra_storage-server", DOCS)),
                dockerfile="docker/storage/Dockerfile",
            ),
            docker(
                "docs-ci-staging",
                deploy("staging", "ocurrent/docs-ci:staging", swarm("infra_docs-ci", DOCS_STAGING, uri=DOCS_STAGING)),
            ),
            docker(
                "init-staging",
                deploy("staging", "ocurrent/docs-ci-init:staging", swarm("infra_init", DOCS_STAGING)),
                dockerfile="docker/init/Dockerfile",
            ),
            docker(
                "storage-staging",
                deploy(
                    "staging", "ocurrent/docs-ci-storage-server:staging", swarm("infra_storage-server", DOCS_STAGING)
                ),
                dockerfile="docker/storage/Dockerfile",
            ),
        ),
        github(
            "ocurrent/opam-health-check",
            docker(
                "health-check",
                deploy(
                    "live",
                    "ocurrent/opam-health-check:live",
                    swarm("infra_opam-health-check", "check.ci.ocaml.org", uri="check.ci.ocaml.org"),
                    swarm("infra_opam-health-check-windows", "check.ci.ocaml.org", uri="windows.check.ci.dev"),
                    swarm("infra_opam-health-check-dune", "check.ci.ocaml.org", uri="dune.check.ci.dev"),
                    swarm("infra_opam-health-check-freebsd", "check.ci.ocaml.org", uri="freebsd.check.ci.dev"),
                ),
            ),
        ),
        github(
            "ocurrent/opam-repo-ci",
            docker(
                "service",
                deploy(
                    "live",
                    "ocurrent/opam-repo-ci:live",
                    swarm("opam-repo-ci_opam-repo-ci", "opam.ci.ocaml.org", uri="opam-repo.ci.ocaml.org"),
                ),
                platforms=(X86, ARM64),
            ),
            docker(
                "web",
                deploy(
                    "live-web",
                    "ocurrent/opam-repo-ci-web:live",
                    swarm("opam-repo-ci_opam-repo-ci-web", "opam.ci.ocaml.org", uri="opam.ci.ocaml.org"),
                ),
                dockerfile="Dockerfile.web",
                platforms=(X86, ARM64),
            ),
        ),
        github(
            "ocaml-dune/binary-distribution",
            docker(
                "live",
                deploy(
                    "main",
                    "ocurrent/dune-binary-distribution:live",
                    swarm("infra_www", "get.dune.build", uri="preview.dune.build"),
                ),
            ),
            docker(
                "staging",
                deploy(
                    "staging",
                    "ocurrent/dune-binary-distribution:staging",
                    swarm("infra_staging", "get.dune.build", uri="staging-preview.dune.build"),
                ),
            ),
        ),
        github(
            "ocaml-opam/opam2web",
            docker(
                "opam2web",
                deploy(
                    "live",
                    "ocurrent/opam.ocaml.org:live",
                    swarm("infra_opam_live", OPAM_4, uri="opam.ocaml.org"),
                    swarm("infra_opam_live", OPAM_5, uri="staging.opam.ocaml.org"),
                ),
                deploy(
                    "live-staging",
                    "ocurrent/opam.ocaml.org:staging",
                    swarm("infra_opam_staging", OPAM_4, uri="opam.ocaml.org"),
                    swarm("infra_opam_staging", OPAM_5, uri="staging.opam.ocaml.org"),
                ),
                args={
                    "OPAM_REPO_GIT_SHA": FromInput("opam-repository"),
                    "BLOG_GIT_SHA": FromInput("platform-blog"),
                    "OPAM_GIT_SHA": FromInput("opam"),
                    "OPAM_ARCHIVE_SHA": FromInput("opam-archive"),
                },
                recheck=True,
            ),
        ),
        # The image is published by others; watch.ocaml.org follows its tag.
        Repository(
            "chocobozzz/peertube",
            source=Use("image", image="chocobozzz/peertube:production-bookworm"),
            poll=WEEK,
            recipes=[
                Recipe(
                    "peertube",
                    builder=Use("image"),
                    platforms=(X86,),
                    targets=[
                        Target(
                            "production-bookworm",
                            "chocobozzz/peertube:production-bookworm",
                            [
                                Service(
                                    "infra_peertube",
                                    deployer=Use("docker_swarm"),
                                    host="watch.ocaml.org",
                                    uri="watch.ocaml.org",
                                )
                            ],
                        )
                    ],
                )
            ],
        ),
    ],
)
