"""The vocabulary that flavours are written in. Values only; `validate` says what is wrong with them.

Flavour
├── Repository ── source: Use
│   └── Recipe ── builder: Use, platforms, build arguments
│       └── Target ── a branch that is published under an image name
│           └── Service ── deployer: Use, notifiers: Use
├── Input ── reader: Use
└── notifiers: Use
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FromInput:
    """A build argument whose value is an input's: `args={"OPAM_SHA": FromInput("opam")}`."""

    name: str


@dataclass(frozen=True, slots=True)
class Use:
    """A plugin and its options: `Use("git", url="https://…")`."""

    kind: str
    options: Mapping[str, Any]

    def __init__(self, kind: str, /, **options: Any) -> None:
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "options", options)


@dataclass(frozen=True, slots=True)
class Service:
    """One running thing.

    :param name: unique together with `host`.
    :param host: where the deployer finds it; empty for the deployer's own host.
    :param uri: where people find it.
    :param notifiers: who is told of its deployments, besides those whom the flavour names.
    """

    name: str
    deployer: Use
    host: str = ""
    uri: str = ""
    notifiers: tuple[Use, ...] | list[Use] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """This branch is published under this image name and runs as these services.

    :param services: in the order in which they move, where `rollout` asks for one.
    :param rollout: how they move: `together`, all at once; `in-order`, each after the one before it succeeded; `canary`,
        the first alone and then all others at once. A failure stops those that come after.
    :param soak: seconds that a service which others wait for is watched after its move. It has to stay healthy; if not,
        it is taken back and the others stay where they are. 0: the others follow at once.
    """

    branch: str
    image: str
    services: tuple[Service, ...] | list[Service] = ()
    rollout: str = "together"
    soak: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way of building a repository.

    :param args: build arguments; a value is text or `FromInput`.
    :param timeout: seconds after which a build is ended.
    :param recheck: build the checks again when an input moves. Releases always follow their inputs.
    """

    name: str
    builder: Use
    platforms: tuple[str, ...] | list[str] = ("linux/amd64",)
    args: Mapping[str, str | FromInput] = field(default_factory=dict)
    targets: tuple[Target, ...] | list[Target] = ()
    timeout: int = 50 * 60
    recheck: bool = False


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository to look after.

    :param name: `owner/name`.
    :param poll: seconds between looks that nobody asked for.
    :param check: build the branches and pull requests that no target follows, to see whether they could be deployed.
    """

    name: str
    source: Use
    recipes: tuple[Recipe, ...] | list[Recipe] = ()
    poll: int = 120
    check: bool = True


@dataclass(frozen=True, slots=True)
class Input:
    """A fact outside, by the name that `FromInput` uses.

    :param validity: seconds until it is read again.
    """

    name: str
    reader: Use
    validity: int = 3600


@dataclass(frozen=True, slots=True)
class Flavour:
    """The repositories that one deployer looks after.

    :param admins: who may administer it: a local user's name, `github:login`, `github:organisation` or
        `github:organisation/team`.
    :param builders: who may start and stop work, likewise.
    :param viewers: who may look where not everybody may (`DEPLOYER_PRIVATE`), likewise.
    """

    name: str
    repositories: tuple[Repository, ...] | list[Repository] = ()
    inputs: tuple[Input, ...] | list[Input] = ()
    notifiers: tuple[Use, ...] | list[Use] = ()
    title: str = ""
    base_url: str = ""
    admins: tuple[str, ...] | list[str] = ()
    builders: tuple[str, ...] | list[str] = ()
    viewers: tuple[str, ...] | list[str] = ()
