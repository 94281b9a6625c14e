"""The operations that a pipeline consists of, as values.

Two operations are the same if and only if their fingerprints are. A fingerprint covers all that makes a result differ,
and nothing that was found out by running: it can be told before anything is run. It covers as well whose it is, the
commit and the target or the rollback: an operation that one ref asks for is asked for by none with another commit.

`exclusive` names what an operation must be alone with while it waits or runs: a build with itself, a publication with
its target, as an older one must not move the tag after a newer one did, a deployment with its service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from core.states import JobKind, Level, Purpose

#: One for all: making it costs more than what it does.
_ENCODER = json.JSONEncoder(sort_keys=True, default=str)


def _fingerprint(*parts: object) -> str:
    return sha256(_ENCODER.encode(parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Build:
    """Build a recipe of a commit for a platform. `image` and `target` are set for a release.

    :param follows_inputs: the build is another one when an input moved. A check build need not be: it was shown once
        that the commit can be built.
    """

    recipe: int
    definition: str
    platform: str
    commit: str
    purpose: Purpose
    trusted: bool
    args: Mapping[str, str] = field(default_factory=dict, hash=False)
    follows_inputs: bool = True
    target: int | None = None
    image: str | None = None
    level: Level = field(default=Level.AVERAGE, compare=False)

    kind = JobKind.BUILD

    @property
    def priority(self) -> int:
        """Smaller goes first: what is nearest to being live."""
        return 30 if self.purpose is Purpose.RELEASE else 50

    @cached_property
    def fingerprint(self) -> str:
        args = dict(self.args) if self.follows_inputs else None
        parts = (self.definition, self.platform, self.commit, self.purpose, self.trusted, args, self.target, self.image)
        return _fingerprint(self.kind, self.recipe, *parts)

    @property
    def exclusive(self) -> str:
        return self.fingerprint


@dataclass(frozen=True, kw_only=True)
class Publish:
    """Publish the builds of a target's commit under its image name: what makes a release."""

    target: int
    image: str
    commit: str
    builds: Mapping[str, str] = field(hash=False)
    level: Level = field(default=Level.DANGEROUS, compare=False)

    kind = JobKind.RELEASE
    priority = 20

    @cached_property
    def fingerprint(self) -> str:
        return _fingerprint(self.kind, self.target, self.image, self.commit, dict(self.builds))

    @property
    def exclusive(self) -> str:
        return f"target:{self.target}"


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """Move a service to a release, told by the release's fingerprint.

    :param request: the rollback that asks for it, where one does. A person who asks a second time wants it done a
        second time, whatever became of the first.
    :param repairs: the drift that it is to put right, in words: the service is moved to what it should run already.
    """

    service: int
    release: str
    commit: str
    request: int | None = None
    repairs: str = ""
    level: Level = field(default=Level.DANGEROUS, compare=False)

    kind = JobKind.DEPLOYMENT
    priority = 10

    @property
    def rollback(self) -> bool:
        return self.request is not None

    @cached_property
    def fingerprint(self) -> str:
        repair = ("repair",) if self.repairs else ()
        return _fingerprint(self.kind, self.service, self.release, self.request, *repair)

    @property
    def exclusive(self) -> str:
        return f"service:{self.service}"


Operation = Build | Publish | Deploy
