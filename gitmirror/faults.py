"""What git's words mean when it did not do what was asked. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gitmirror import commands

_AUTHENTICATION = (
    "could not read Username",
    "Authentication failed",
    "Permission denied (publickey",
    "terminal prompts",
)
#: Nobody was spoken to: as curl says it, as ssh does, and as git itself does for `git://` (seen with git 2.39).
_UNREACHABLE = re.compile(
    r"Could not resolve host.*|Failed to connect to .*|Recv failure: .*|Empty reply from server|"
    r"(?:Connection|Operation|SSL connection) (?:timed out|timeout).*|"
    r"(?<=connect to host ).*|Connection (?:reset|closed) by .*|(?<=errno=).*|unable to look up .*"
)
_DURATION = re.compile(r" after \d+ (?:ms|milliseconds)\b")


def reason(url: str, said: str) -> str:
    """Say why a repository could not be read, without the passwords of addresses.

    A server that cannot be reached is told by its name alone: the reason is then the same for all that is on it.

    :param said: what git printed.
    """
    where = commands.redacted(url)
    lines = [line.strip() for line in commands.redacted(said).splitlines() if line.strip()]
    # What a server says of itself tells nothing of the way to it.
    own = [line for line in lines if not line.startswith("remote:")]
    if any(sign in said for sign in _AUTHENTICATION):
        return f"{where} asks for a password or key that this host does not have: {lines[-1]}"
    for line in own:
        if found := _UNREACHABLE.search(line):
            # How long it took would make each time another reason.
            return f"{_server(where)} cannot be reached: {_DURATION.sub('', found[0])}"
    fatal = [line.partition("fatal: ")[2] for line in lines if "fatal: " in line]
    return f"{where} cannot be read: {(fatal or lines)[0]}"


def could_not_write(said: str) -> bool:
    """Whether git could read a commit's files and not write them: a full disk, of which it says no more (git 2.39)."""
    return "unable to write file" in said


def _server(where: str) -> str:
    """The server's name in an address, or in `user@host:path`."""
    return urlsplit(where).netloc or where.rpartition("@")[2].partition(":")[0]
