"""Putting a commit's files into a directory, from the copy that this host keeps."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.api import CommandFailed, Context, OperationError, Stalled, ask, run
from gitmirror import commands
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
    :raises OperationError: the repository does not answer.
    """
    async with mirror.held():
        if not mirror.seen(wanted.commit):
            await _fetch(mirror, wanted)
        try:
            await _fill(mirror, wanted, directory, context)
        except CommandFailed:
            context.log.note("this host's copy of the repository is damaged; it is made anew")
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
            await mirror.create()
            await _fetch(mirror, wanted)
            await _fill(mirror, wanted, directory, context)
    if wanted.submodules and (directory / ".gitmodules").is_file():
        await _submodules(mirror, wanted, directory, context)
    if not wanted.history:
        shutil.rmtree(directory / ".git", ignore_errors=True)


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


async def _fetch(mirror: Mirror, wanted: Wanted) -> None:
    """Fetch a commit that this host does not have: by its hash, or by a ref where the server gives hashes to nobody."""
    with contextlib.suppress(OperationError):
        await mirror.fetch({wanted.commit: wanted.commit}, access=wanted.access)
    if mirror.seen(wanted.commit):
        return
    listing = await list_refs(mirror.url, wanted.access, lambda ref: ref.startswith(("refs/heads/", "refs/pull/")))
    ref = next((ref for ref, hash in listing.refs.items() if hash == wanted.commit), "")
    if ref:
        await mirror.fetch({wanted.commit: ref}, access=wanted.access)
    if not mirror.seen(wanted.commit):
        where = commands.redacted(mirror.url)
        raise Stalled(f"commit {wanted.commit[:10]} exists no more in {where}: its branch was rewritten or deleted")


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
