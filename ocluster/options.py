"""How a commit is built on the cluster: what all of its builders let people choose."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator

from containers.names import ImageName
from core.api import Options, Stalled

#: The pools of OCluster as it runs for the OCaml community, by OCI platform.
POOLS = {
    "linux/amd64": "linux-x86_64",
    "linux/arm64": "linux-arm64",
    "linux/ppc64le": "linux-ppc64",
    "linux/s390x": "linux-s390x",
    "linux/riscv64": "linux-riscv64",
}


class ClusterOptions(Options):
    """A Dockerfile, and how a worker of the cluster builds it."""

    dockerfile: str = Field("Dockerfile", description="Path of the Dockerfile in the repository.")
    buildkit: bool = Field(True, description="Build with BuildKit.")
    squash: bool = Field(False, description="Make one layer of what is built.")
    include_git: bool = Field(False, description="Let the build see `.git` with its history.")
    arguments: tuple[str, ...] = Field(
        (), description="More of what the worker passes to `docker build` as build arguments: `--ulimit stack=1000000`."
    )
    pools: dict[str, str] = Field(
        default_factory=dict, description="Pools for single platforms: `{'linux/arm64': 'linux-arm64-large'}`."
    )
    cache_hint: str = Field(
        "",
        description="Builds with the same one go to the same worker if they can; by repository and Dockerfile if empty.",
    )
    urgent: Literal["release", "always", "never"] = Field(
        "release", description="Which builds go before others in the cluster's queue: those of releases, all, none."
    )
    staging: str = Field(
        "",
        description="Repository that workers push what they built to, such as `owner/staging`; that of"
        " DEPLOYER_OCLUSTER_STAGING if empty.",
    )

    @field_validator("dockerfile")
    @classmethod
    def _inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not value or path.is_absolute() or ".." in path.parts or value.startswith("-") or "\0" in value:
            raise ValueError("it is a path in the repository: relative, without `..`")
        return value

    @field_validator("staging")
    @classmethod
    def _repository(cls, value: str) -> str:
        if not value:
            return value
        try:
            name = ImageName.parse(value)
        except Stalled as error:
            raise ValueError(str(error)) from None
        if name.tag or name.digest:
            raise ValueError("it is a repository: the tags are made from the names of targets and pools")
        return value

    def pool(self, platform: str) -> str:
        """The pool that builds for a platform.

        :raises Stalled: none is known.
        """
        pool = self.pools.get(platform) or POOLS.get(platform)
        if pool is None:
            raise Stalled(f"no pool builds for {platform}: name one in the recipe's option `pools`")
        return pool
