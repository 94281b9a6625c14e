"""What a client wants to have built, read from `JobDescr` as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Description:
    """A job as it was submitted.

    :param kind: `dockerBuild`, `obuilder` or `custom`; all but the first have nothing else of a Docker build.
    :param path: of the Dockerfile; empty where its contents were given.
    :param password: the push password, which only tests of the stand-in may see.
    """

    kind: str
    repository: str
    commits: tuple[str, ...]
    cache_hint: str
    secrets: dict[str, str] = field(repr=False)
    path: str = ""
    contents: str = ""
    spec: str = ""
    build_args: tuple[str, ...] = ()
    push_target: str = ""
    push_user: str = ""
    push_password: str = field(default="", repr=False)
    squash: bool = False
    buildkit: bool = False
    include_git: bool = False


def describe(descr: Any) -> Description:
    """Read it.

    :param descr: a `JobDescr`.
    """
    kind = str(descr.action.which())
    more = _docker(descr.action.dockerBuild) if kind == "dockerBuild" else {}
    if kind == "obuilder":
        more = {"spec": descr.action.obuilder.spec}
    return Description(
        kind=kind,
        repository=descr.repository,
        commits=tuple(descr.commits),
        cache_hint=descr.cacheHint,
        secrets={each.id: each.value for each in descr.secrets},
        **more,
    )


def _docker(build: Any) -> dict[str, Any]:
    which = str(build.dockerfile.which())
    return {
        which: getattr(build.dockerfile, which),
        "build_args": tuple(build.buildArgs),
        "push_target": build.pushTarget,
        "push_user": build.pushUser,
        "push_password": build.pushPassword,
        "squash": build.squash,
        "buildkit": build.buildkit,
        "include_git": build.includeGit,
    }
