"""What one commit has that another has not, from the copy that this host keeps."""

from __future__ import annotations

from core.api import MOST_CHANGES, Changes, CommandFailed
from gitmirror.access import ANYBODY, Access
from gitmirror.checkout import fetch_commit
from gitmirror.listing import commit_of
from gitmirror.mirror import Mirror


async def changes_between(mirror: Mirror, old: str, new: str, access: Access = ANYBODY) -> Changes:
    """The commits that `new` has and `old` has not, and whether the way from one to the other is forward.

    :raises Stalled: one of them exists no more.
    :raises OperationError: the repository does not answer.
    """
    async with mirror.held():
        for commit in (old, new):
            if not mirror.seen(commit):
                await fetch_commit(mirror, commit, access)
        try:
            return await _changes(mirror, old, new)
        except CommandFailed:
            # This host's copy is damaged: it is made anew.
            await mirror.create()
            for commit in (old, new):
                await fetch_commit(mirror, commit, access)
            return await _changes(mirror, old, new)


async def _changes(mirror: Mirror, old: str, new: str) -> Changes:
    rows = await mirror.changes(old, new, MOST_CHANGES + 1)
    commits = tuple(commit_of(*row) for row in rows[:MOST_CHANGES])
    return Changes(commits=commits, cut=len(rows) > MOST_CHANGES, forward=await mirror.descends(new, old))
