"""Putting a commit's files into a directory, from the copy that this host keeps."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.api import CommandFailed, Context, OperationError, Stalled, ask, run
from gitmirror import commands, faults
from gitmirror.access import ANYBODY, Access
from gitmirror.listing import list_refs
from gitmirror.mirror import Mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which files are wanted, and how.

    :param submodules: check submodules out as well.
    :param history: with `.git` and the commits before.
    """

    commit: str
    access: Access = ANYBODY
    submodules: bool = True
    history: bool = False


async def check_out(mirror: Mirror, wanted: Wanted, directory: Path, context: Context) -> None:
    """Put a commit's files into a directory that does not exist yet.

    :raises Stalled: the commit exists no more.
    :raises OperationError: the repository does not answer, or this host's disk is full.
    """
    async with mirror.held():
        if not mirror.seen(wanted.commit):
            await fetch_commit(mirror, wanted.commit, wanted.access)
        try:
            await _fill(mirror, wanted, directory, context)
        except CommandFailed as error:
            if faults.could_not_write(str(error)):
                raise OperationError(f"the files of {wanted.commit[:10]} cannot be written: {error}") from None
            context.log.note("this host's copy of the repository is damaged; it is made anew")
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
            await mirror.create()
            await fetch_commit(mirror, wanted.commit, wanted.access)
            await _fill(mirror, wanted, directory, context)
    if wanted.submodules and (directory / ".gitmodules").is_file():
        await _submodules(mirror, wanted, directory, context)
    if not wanted.history:
        shutil.rmtree(directory / ".git", ignore_errors=True)


async def file_of(mirror: Mirror, wanted: Wanted, path: str) -> bytes | None:
    """One file of a commit, from the copy that this host keeps; None where the commit has no such file.

    :raises Stalled: the commit exists no more.
    :raises OperationError: the repository does not answer.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        return None
    async with mirror.held():
        if not mirror.seen(wanted.commit):
            await fetch_commit(mirror, wanted.commit, wanted.access)
        environment, directory = ANYBODY.environment(), str(mirror.path)
        listed = await ask(commands.list_file(directory, wanted.commit, path), env=environment)
        _, kind, hash = (listed.partition(b"\t")[0].decode().split() or ("", "", ""))[:3]
        return await ask(commands.show(directory, hash), env=environment) if kind == "blob" else None


async def _fill(mirror: Mirror, wanted: Wanted, directory: Path, context: Context) -> None:
    """Put the files there: by an index of its own, or as a clone where `.git` is wanted, be it for submodules."""
    if wanted.history:
        await _clone(mirror, wanted.commit, directory)
        return
    directory.mkdir(parents=True)
    index = context.scratch / "git-index"
    environment = ANYBODY.environment() | {"GIT_WORK_TREE": str(directory), "GIT_INDEX_FILE": str(index)}
    await ask(commands.archive(str(mirror.path), wanted.commit), env=environment, leash=context.leash)
    index.unlink(missing_ok=True)


async def fetch_commit(mirror: Mirror, commit: str, access: Access) -> None:
    """Fetch a commit that this host does not have: by its hash, or by a ref where the server gives hashes to nobody.

    :raises Stalled: it exists no more.
    :raises OperationError: the repository does not answer.
    """
    with contextlib.suppress(OperationError):
        await mirror.fetch({commit: commit}, access=access)
    if mirror.seen(commit):
        return
    listing = await list_refs(mirror.url, access, lambda ref: ref.startswith(("refs/heads/", "refs/pull/")))
    ref = next((ref for ref, hash in listing.refs.items() if hash == commit), "")
    if ref:
        await mirror.fetch({commit: ref}, access=access)
    if not mirror.seen(commit):
        where = commands.redacted(mirror.url)
        raise Stalled(f"commit {commit[:10]} exists no more in {where}: its branch was rewritten or deleted")


async def _clone(mirror: Mirror, commit: str, directory: Path) -> None:
    await ask(commands.clone(str(mirror.path), str(directory)), env=ANYBODY.environment())
    for words in (("remote", "set-url", "origin", mirror.url), ("checkout", "--quiet", "--detach", commit)):
        await ask(commands.git(*words), cwd=directory, env=ANYBODY.environment())


async def _submodules(mirror: Mirror, wanted: Wanted, directory: Path, context: Context) -> None:
    if not wanted.history:
        shutil.rmtree(directory)
        async with mirror.held():
            await _clone(mirror, wanted.commit, directory)
    command = commands.update_submodules(mirror.url)
    try:
        await run(command, log=context.log, leash=context.leash, cwd=directory, env=wanted.access.environment())
    except CommandFailed as error:
        raise OperationError(f"submodules cannot be checked out: {error}") from error
