"""What is asked of the scheduler: OCluster's `JobDescr` for a Docker build. Values only; both sides know it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Where a worker pushes what it built, `repository:tag`, and as whom."""

    target: str
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One build for one platform.

    :param pool: the scheduler's name for the machines of a platform: `linux-x86_64`.
    :param urgent: it goes before those that are not.
    :param repository: an address that a worker can clone.
    :param commits: of that repository; several are merged.
    :param dockerfile: path in the repository.
    :param build_args: `NAME=value` each; upstream's workers also take whole options of `docker build` here.
    :param cache_hint: builds with the same one go to the same worker where that is possible.
    :param secrets: values by their ids, for `RUN --mount=type=secret`.
    """

    pool: str
    repository: str
    commits: tuple[str, ...]
    dockerfile: str
    urgent: bool = False
    build_args: tuple[str, ...] = ()
    squash: bool = False
    buildkit: bool = True
    include_git: bool = False
    cache_hint: str = ""
    push: Push | None = None
    secrets: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def told(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """What `told` wrote."""
        lists = {name: tuple(told[name]) for name in ("commits", "build_args")}
        secrets = tuple((name, value) for name, value in told["secrets"])
        push = Push(**told["push"]) if told["push"] else None
        return cls(**{**told, **lists, "secrets": secrets, "push": push})
