"""How large a simulated deployer is, and what it is called."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """
    :param deployments: in the history that it begins with.
    """

    repositories: int
    refs: int
    services: int
    deployments: int

    @classmethod
    def parse(cls, words: str) -> Size:
        """Read what `str` writes: four numbers with commas."""
        return cls(*map(int, words.split(",")))

    def __str__(self) -> str:
        return f"{self.repositories},{self.refs},{self.services},{self.deployments}"

    @property
    def title(self) -> str:
        return (
            f"{self.repositories:,} repositories, {self.refs:,} refs, {self.services:,} services, "
            f"{self.deployments:,} deployments"
        )

    def names(self) -> list[str]:
        """Of the repositories."""
        return [f"acme/project-{number:04}" for number in range(self.repositories)]

    def refs_of(self, number: int) -> list[str]:
        """The refs of one repository: its deployment branch, then branches and pull requests by turns."""
        count = self.refs // self.repositories
        others = [f"refs/heads/topic-{n}" if n % 2 else f"refs/pull/{n}/head" for n in range(1, count)]
        return ["refs/heads/live", *others]

    def services_of(self, number: int) -> list[str]:
        """The services of one repository."""
        each = self.services // self.repositories
        return [f"project-{number:04}-{letter}" for letter in range(each)]


#: The size that the issue asks for, parts of it, and twice of it.
SIZES = {
    "tenth": Size(50, 500, 200, 10_000),
    "third": Size(165, 1_650, 660, 33_000),
    "full": Size(500, 5_000, 2_000, 100_000),
    "double": Size(1_000, 10_000, 4_000, 200_000),
}


def current() -> Size:
    """Of this process."""
    return Size.parse(os.environ["SCALE_SIZE"])


def commit(*parts: object) -> str:
    """A commit's hash, made of words."""
    return hashlib.sha1(repr(parts).encode()).hexdigest()
