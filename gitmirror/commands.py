"""What is said to git: command lines and what may be said to whom, as values. Nothing is run here."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

Command = tuple[str, ...]

_SCP = re.compile(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^:].*")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
#: What git may speak; `ext::` and its like run commands of the other side's choice.
SCHEMES = ("https://", "http://", "ssh://", "git://", "file://")
#: How many NUL-ended fields `describe` tells of each commit.
FIELDS = 4
_FORMAT = "--format=%H%x00%cI%x00%an <%ae>%x00%B"


def check_url(url: str) -> str:
    """Answer a URL that is safe to hand to git.

    :raises ValueError: says what it may be.
    """
    known = url.startswith(("/", *SCHEMES)) or _SCP.fullmatch(url)
    if not known or "\0" in url or "\n" in url or "/-" in url.partition("://")[2][:1]:
        raise ValueError(
            "it is a path that begins with /, or a URL of https, http, ssh, git or file, or user@host:path"
        )
    return url


def redacted(text: str) -> str:
    """A text without the user and password of the URLs in it."""
    return _USERINFO.sub("", text)


def git(*words: str, directory: str = "", local: bool = False) -> Command:
    """A git command that runs no hook and speaks only what it should.

    :param local: whether it may read repositories in this machine's files.
    """
    where = (f"--git-dir={directory}",) if directory else ()
    settings = {
        "core.hooksPath": os.devnull,
        "safe.directory": "*",
        "protocol.allow": "never",
        "protocol.https.allow": "always",
        "protocol.http.allow": "always",
        "protocol.ssh.allow": "always",
        "protocol.git.allow": "always",
        "protocol.file.allow": "always" if local else "never",
        "gc.auto": "0",
        "maintenance.auto": "false",
    }
    return ("git", *where, *(word for pair in settings.items() for word in ("-c", "=".join(pair))), *words)


def is_local(url: str) -> bool:
    """Whether a URL names a repository in this machine's files."""
    return url.startswith(("/", "file://"))


def is_public(url: str) -> bool:
    """Whether an address is one that others can use as it is: over a network, and without a password in it."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https", "git") and parts.password is None


def list_remote(url: str) -> Command:
    """List every ref, and which branch HEAD is."""
    return git("ls-remote", "--symref", "--", url, local=is_local(url))


def create_mirror(directory: str) -> Command:
    return git("init", "--bare", "--quiet", "--", directory)


def fetch(directory: str, url: str) -> Command:
    """Fetch what standard input names, one refspec a line: there may be ten thousand."""
    words = ("fetch", "--quiet", "--no-tags", "--force", "--no-write-fetch-head", "--no-auto-maintenance")
    return git(*words, "--no-recurse-submodules", "--stdin", "--", url, directory=directory, local=is_local(url))


def describe(directory: str) -> Command:
    """Tell of each commit that standard input names, if it is there: hash, date, author, message, NUL after each."""
    words = ("log", "--no-walk=unsorted", "--ignore-missing", "--stdin", "-z", _FORMAT)
    return git(*words, directory=directory)


def changes(directory: str, old: str, new: str, most: int) -> Command:
    """Tell of the commits that one has and another has not, newest first, as `describe` does."""
    words = ("log", f"--max-count={most}", "-z", _FORMAT, new, f"^{old}", "--")
    return git(*words, directory=directory)


def ancestors(directory: str, old: str, new: str) -> Command:
    """Tell the best common ancestors of two commits; nothing where they have none, with status 1."""
    return git("merge-base", "--all", old, new, directory=directory)


def archive(directory: str, commit: str) -> Command:
    """Put a commit's files into the work tree that GIT_WORK_TREE names, by the index that GIT_INDEX_FILE names."""
    return git("read-tree", "--reset", "-u", "--no-recurse-submodules", commit, directory=directory)


def list_file(directory: str, commit: str, path: str) -> Command:
    """Tell what a commit has at a path: mode, type, hash and path, NUL after it."""
    words = ("ls-tree", "-z", commit, "--", path)
    return ("git", "--literal-pathspecs", *git(*words, directory=directory)[1:])


def show(directory: str, hash: str) -> Command:
    """Print the content of a file."""
    return git("cat-file", "blob", hash, directory=directory)


def clone(mirror: str, directory: str) -> Command:
    """A clone with its history, its objects borrowed from the mirror."""
    return git("clone", "--quiet", "--shared", "--no-checkout", "--", mirror, directory, local=True)


def update_submodules(url: str) -> Command:
    return git("submodule", "update", "--quiet", "--init", "--recursive", "--depth=1", "--force", local=is_local(url))
