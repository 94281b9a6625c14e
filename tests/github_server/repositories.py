"""A repository: a real bare one of Git, with what GitHub keeps beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass
class PullRequest:
    """`fork`: it comes from somebody's copy of the repository. `updated_at` is kept by hand."""

    number: int
    head: str
    base: str = "main"
    title: str = "A change"
    fork: bool = False
    open: bool = True
    branch: str = "topic"
    branch_gone: bool = False
    draft: bool = False
    author: str = "octocat"
    association: str = "CONTRIBUTOR"
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Commit:
    hash: str
    message: str
    committed_at: datetime
    author: str
    email: str


@dataclass
class Repository:
    """A repository. `git` is its bare repository; what was told of its commits is kept in lists, the oldest first."""

    owner: str
    name: str
    id: int
    git: Path
    private: bool = False
    archived: bool = False
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    deployment_statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    required_checks: list[str] = field(default_factory=list)
    ruled_checks: list[str] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def default_branch(self) -> str:
        return (self.git / "HEAD").read_text().strip().removeprefix("ref: refs/heads/")

    def run(self, *words: str, stdin: str = "") -> str:
        """Run git in it."""
        done = subprocess.run(
            ["git", *words], cwd=self.git, capture_output=True, text=True, errors="replace", check=True, input=stdin
        )
        return done.stdout

    def pull_request(self, number: int, head: str, **about: Any) -> PullRequest:
        """Open a pull request for a commit that is in the repository already, or push that commit to an open one."""
        self.run("update-ref", f"refs/pull/{number}/head", head)
        pull = self.pulls.setdefault(number, PullRequest(number, head))
        for name, value in {**about, "head": head, "updated_at": datetime.now(UTC)}.items():
            setattr(pull, name, value)
        return pull

    def branches(self, prefix: str = "refs/heads/") -> dict[str, str]:
        """The commit of each branch, or of each ref with another prefix, by name without it."""
        form = "--format=%(objectname) %(*objectname) %(refname)"
        rows = (line.split(" ", 2) for line in self.run("for-each-ref", form, "--", prefix).splitlines())
        return {ref.removeprefix(prefix): peeled or hash for hash, peeled, ref in rows}

    def commits(self, hashes: Iterable[str]) -> dict[str, Commit]:
        """What commits say, by their hashes."""
        wanted = "".join(f"{hash}\n" for hash in sorted(set(hashes)))
        if not wanted:
            return {}
        form = "--format=%H%x00%B%x00%cI%x00%an%x00%ae%x00"
        said = self.run("log", "--no-walk=unsorted", "--stdin", form, stdin=wanted).split("\0")
        rows = [said[start : start + 5] for start in range(0, len(said) - 5, 5)]
        return {
            (found := hash.strip()): Commit(
                found, message.rstrip("\n"), datetime.fromisoformat(at).astimezone(UTC), author, email
            )
            for hash, message, at, author, email in rows
        }

    def resolve(self, name: str) -> str | None:
        """The commit of a branch, of a tag or of a hash; None where there is none."""
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"],
            cwd=self.git,
            check=False,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() or None

    def has(self, commit: str) -> bool:
        return self.resolve(commit) == commit

    def pushed_at(self) -> datetime:
        """When something was last pushed."""
        paths = [self.git / "refs", *(self.git / "refs").rglob("*"), self.git / "HEAD"]
        return datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC)
