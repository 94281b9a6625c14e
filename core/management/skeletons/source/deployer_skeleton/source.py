"""Repositories that are directories of this host."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import cast

from pydantic import Field

from core.api import (
    CommandFailed,
    Commit,
    Context,
    Head,
    Heads,
    OperationError,
    Options,
    RefKind,
    RepositoryPlace,
    Source,
    Stalled,
    ask,
    run,
)

#: One branch a record, its fields and the records apart by what no name and no message has in it.
_FORMAT = "%(refname)%00%(objectname)%00%(authorname) %(authoremail)%00%(committerdate:iso-strict)%00%(contents)%00%00"


class SkeletonOptions(Options):
    """Where the repository is."""

    path: Path = Field(description="The repository's directory, with a working tree or bare.")


class SkeletonSource(Source):
    """Reads the branches of repositories on this host with git."""

    kind = "skeleton"
    Options = SkeletonOptions

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        try:
            told = await ask([*_git(place), "for-each-ref", f"--format={_FORMAT}", "refs/heads/"])
        except CommandFailed as error:
            # What may pass: the look is repeated, with back-off.
            raise OperationError(f"{_path(place)} cannot be read: {error}") from None
        now = sha256(told).hexdigest()
        if now == validator:
            return Heads(unchanged=True, validator=now)
        heads = tuple(_head(record) for record in _text(told).split("\0\0\n") if record)
        return Heads(heads=heads, validator=now, default_branch="main")

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        clone = ["git", "clone", "--quiet", "--no-checkout", "--", str(_path(place)), str(directory)]
        try:
            await run(clone, log=context.log, leash=context.leash)
            # A commit that no branch has any more is not part of a clone, as long as it is there.
            await run(
                ["git", "-C", str(directory), "fetch", "--quiet", "origin", commit],
                log=context.log,
                leash=context.leash,
            )
            await run(
                ["git", "-C", str(directory), "checkout", "--quiet", "--detach", commit],
                log=context.log,
                leash=context.leash,
            )
        except CommandFailed as error:
            # What will not pass: nobody finds a commit again that is gone.
            raise Stalled(f"commit {commit[:10]} is not in {_path(place)}: {error}") from None


def _text(told: bytes) -> str:
    # Names and messages are bytes in Git, and anybody may have written them.
    return told.decode(errors="replace")


def _git(place: RepositoryPlace) -> list[str]:
    # Git refuses the repositories of others unless it is told that they are meant.
    return ["git", "-c", f"safe.directory={_path(place)}", "-C", str(_path(place))]


def _path(place: RepositoryPlace) -> Path:
    return cast(SkeletonOptions, place.options).path


def _head(record: str) -> Head:
    ref, hash, author, at, message = record.lstrip("\n").split("\0", 4)
    when = datetime.fromisoformat(at)
    # Whoever can push to this host is trusted.
    return Head(
        ref=ref,
        kind=RefKind.BRANCH,
        commit=Commit(hash=hash, message=message, author=author, committed_at=when),
        trusted=True,
    )
