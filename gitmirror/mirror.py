"""Talking to git, and the copy of a repository that a host keeps."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from core.api import CommandFailed, OperationError, ask
from gitmirror import commands, faults
from gitmirror.access import ANYBODY, Access

#: Seconds between tries to get a mirror that another process works on.
_LOCK_INTERVAL = 0.02


async def talk(url: str, command: Sequence[str], *, access: Access = ANYBODY, stdin: bytes = b"") -> bytes:
    """Run a git command that speaks to a remote.

    :raises OperationError: it did not answer, or refused; in one sentence, without passwords.
    """
    try:
        return await ask(command, env=access.environment(), stdin=stdin)
    except CommandFailed as error:
        raise OperationError(faults.reason(url, str(error))) from None


class Mirror:
    """A bare copy of a repository, on this host: what of it was needed so far. One process at a time works on it.

    :param data: the directory under which the plugin keeps them.
    """

    def __init__(self, data: Path, name: str, url: str) -> None:
        readable = "".join(letter if letter.isalnum() else "-" for letter in name)[:60]
        key = sha256(f"{name}\0{url}".encode()).hexdigest()[:16]
        self.path = data / "mirrors" / f"{readable}-{key}.git"
        self.url = url

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold it against other processes; what one that was killed left half-done is cleared away first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try_lock(descriptor):
                await asyncio.sleep(_LOCK_INTERVAL)
            await self._prepare()
            yield
        finally:
            os.close(descriptor)

    async def _prepare(self) -> None:
        if not (self.path / "HEAD").is_file():
            await self.create()
        for stale in self.path.glob("*.lock"):
            stale.unlink(missing_ok=True)

    async def create(self) -> None:
        """Begin with an empty one."""
        await asyncio.to_thread(shutil.rmtree, self.path, ignore_errors=True)
        await ask(commands.create_mirror(str(self.path)), env=ANYBODY.environment())

    async def fetch(self, refs: Mapping[str, str], *, access: Access = ANYBODY) -> None:
        """Fetch commits by refs that point to them. Each is kept under its hash, so no two are in each other's way.

        :param refs: by commit, a ref that points to it.
        :raises OperationError: see `talk`.
        """
        specs = "".join(f"{ref}:refs/seen/{commit}\n" for commit, ref in refs.items())
        await talk(self.url, commands.fetch(str(self.path), self.url), access=access, stdin=specs.encode())

    def seen(self, commit: str) -> bool:
        """Whether a commit was fetched: it is under its own ref, which nobody packs."""
        return (self.path / "refs" / "seen" / commit).exists()

    async def describe(self, hashes: Sequence[str]) -> list[tuple[str, str, str, str]]:
        """Hash, date, author and message of commits that are there."""
        if not hashes:
            return []
        said = await ask(
            commands.describe(str(self.path)), env=ANYBODY.environment(), stdin="\n".join(hashes).encode() + b"\n"
        )
        return _rows(said)

    async def changes(self, old: str, new: str, most: int) -> list[tuple[str, str, str, str]]:
        """Of the commits that one has and another has not, the newest: as `describe`. Both have to be there."""
        return _rows(await ask(commands.changes(str(self.path), old, new, most), env=ANYBODY.environment()))

    async def descends(self, new: str, old: str) -> bool:
        """Whether a commit has another one among its ancestors. Both have to be there."""
        try:
            said = await ask(commands.ancestors(str(self.path), old, new), env=ANYBODY.environment())
        except CommandFailed:
            return False
        return said.decode().split() == [old]


def _rows(said: bytes) -> list[tuple[str, str, str, str]]:
    fields = said.decode(errors="replace").split("\0")
    rows = zip(*(iter(fields),) * commands.FIELDS, strict=False)
    return [(hash.strip(), date, author, message) for hash, date, author, message in rows]


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
