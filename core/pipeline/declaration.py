"""The vocabulary that flavours are written in. Values only; `validate` says what is wrong with them.

Flavour
├── Repository ── source: Use
│   └── Recipe ── builder: Use, platforms, build arguments
│       └── Target ── a branch that is published under an image name
│           └── Service ── deployer: Use, check: HealthCheck, notifiers: Use, gates: Use, before: Use, after: Use
├── Input ── reader: Use
├── gates: Use
├── Retention
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
class HealthCheck:
    """How a runner finds out from outside whether a service is well: after each move, and once a minute.

    :param uri: what is asked, `http://…`, `https://…` or `tcp://host:port`; empty: the service's own `uri`. It has to be
        reachable from the runner.
    :param path: what is asked for at a web address: `/health`.
    :param status: the status that the answer has to have.
    :param text: what has to stand in the first megabyte of the answer; empty: it is not read.
    :param timeout: seconds in which the whole answer, or the connection, has to come.
    :param interval: seconds between two checks while a deployment watches the service.
    :param grace: seconds after its move in which a service has to be well for the first time.
    :param redirects: how many redirects are followed; never from `https` to `http` or the other way round.
    :param verify: whether the certificate has to be valid and of that name.
    """

    uri: str = ""
    path: str = ""
    status: int = 200
    text: str = ""
    timeout: int = 10
    interval: int = 5
    grace: int = 60
    redirects: int = 0
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Service:
    """One running thing.

    :param name: unique together with `host`.
    :param host: where the deployer finds it; empty for the deployer's own host.
    :param uri: where people find it.
    :param notifiers: who is told of its deployments, besides those whom the flavour names.
    :param check: how it is found out from outside whether it is well, besides what its deployer sees.
    :param soak: seconds that it is watched after its move; it is taken back if it does not stay well. None: for as long
        as its target says where other services wait for it, else until it is well once.
    :param drift: what is done when it does not run what its latest deployment says: `off`, nothing is looked for; `ask`,
        it is shown and told, and somebody may put it right; `heal`, it is put right. Empty: as its flavour says.
    :param gates: what can hold its deployments back, besides the gates of the flavour.
    :param before: the steps that are done before it is moved, in this order, and `after`: those that are done after it.
    """

    name: str
    deployer: Use
    host: str = ""
    uri: str = ""
    notifiers: tuple[Use, ...] | list[Use] = ()
    check: HealthCheck | None = None
    soak: int | None = None
    drift: str = ""
    gates: tuple[Use, ...] | list[Use] = ()
    before: tuple[Use, ...] | list[Use] = ()
    after: tuple[Use, ...] | list[Use] = ()


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
class Retention:
    """How long what is over is kept; None: for ever. What is live, could be gone back to, or is still to be done stays.

    :param logs: days for which the log of a job is kept after its end.
    :param builds: days for which check builds and readings of inputs are remembered at all.
    :param refs: days for which a branch or pull request is remembered after it was closed.
    :param releases: releases of each target whose images are kept; at least the 30 that are offered for going back are.
    """

    logs: int | None = 90
    builds: int | None = 180
    refs: int | None = 30
    releases: int | None = 100


@dataclass(frozen=True, slots=True)
class Flavour:
    """The repositories that one deployer looks after.

    :param gates: what can hold the deployments of all its services back.
    :param admins: who may administer it: a local user's name, `github:login`, `github:organisation` or
        `github:organisation/team`.
    :param builders: who may start and stop work, likewise.
    :param viewers: who may look where not everybody may (`DEPLOYER_PRIVATE`), likewise.
    :param retention: how long what is over is kept.
    :param drift: what is done about drift of services that do not say themselves: `off`, `ask` or `heal`.
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
    drift: str = "ask"
    gates: tuple[Use, ...] | list[Use] = ()
    retention: Retention = Retention()
