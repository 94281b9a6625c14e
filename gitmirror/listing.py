"""What a repository's refs point to, and the commits that they point to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from core.api import Commit, OperationError
from gitmirror import commands
from gitmirror.access import Access
from gitmirror.mirror import Mirror, talk

#: Looks at refs that move while they are read.
_LOOKS = 3
#: Whether a ref counts, by its full name.
Counts = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Listing:
    """What `ls-remote` said, without what does not count."""

    refs: Mapping[str, str]
    default_branch: str

    @property
    def validator(self) -> str:
        told = "\n".join(f"{hash} {ref}" for ref, hash in sorted(self.refs.items()))
        return sha256(f"{self.default_branch}\n{told}".encode(errors="surrogateescape")).hexdigest()


async def list_refs(url: str, access: Access, counts: Counts) -> Listing:
    """Ask a repository for its refs.

    :raises OperationError: it does not answer.
    """
    said = await talk(url, commands.list_remote(url), access=access)
    refs: dict[str, str] = {}
    default = ""
    for line in said.decode(errors="replace").splitlines():
        value, _, ref = line.partition("\t")
        if ref == "HEAD" and value.startswith("ref: "):
            default = value.removeprefix("ref: refs/heads/")
        elif counts(ref):
            refs[ref] = value
    return Listing(refs, default)


async def commits_of(
    mirror: Mirror, listing: Listing, access: Access, counts: Counts
) -> tuple[Listing, dict[str, Commit]]:
    """The commits that the refs of a listing point to, fetched where this host does not have them.

    :returns: a newer listing where the refs moved meanwhile, and its commits by their hashes.
    :raises OperationError: it does not answer, or its refs move each time that they are read.
    """
    for _ in range(_LOOKS):
        async with mirror.held():
            known = await _describe(mirror, listing, access, counts)
        if known.keys() >= set(listing.refs.values()):
            return listing, known
        listing = await list_refs(mirror.url, access, counts)
    raise OperationError(f"{commands.redacted(mirror.url)}: its refs moved each time they were read")


async def _describe(mirror: Mirror, listing: Listing, access: Access, counts: Counts) -> dict[str, Commit]:
    """The commits of a listing that can be had, after a fetch of those that are not there."""
    wanted = {hash: ref for ref, hash in listing.refs.items()}
    missing = {hash: ref for hash, ref in wanted.items() if not mirror.seen(hash)}
    try:
        if missing:
            await mirror.fetch(missing, access=access)
        rows = await mirror.describe(sorted(wanted))
        if len(rows) < len(wanted):
            raise OperationError(f"the mirror {mirror.path} has lost commits")
    except OperationError as error:
        # The refs moved meanwhile, the repository does not answer, or the mirror is damaged.
        if "remote ref" in str(error) or listing != await list_refs(mirror.url, access, counts):
            return {}
        await mirror.create()
        await mirror.fetch(wanted, access=access)
        rows = await mirror.describe(sorted(wanted))
    return {row[0]: commit_of(*row) for row in rows}


def commit_of(hash: str, date: str, author: str, message: str) -> Commit:
    """A commit, as git tells it."""
    try:
        committed_at = datetime.fromisoformat(date)
    except ValueError:
        # Git keeps dates that no calendar has.
        committed_at = None
    return Commit(hash=hash, message=message, author=author, committed_at=committed_at)
