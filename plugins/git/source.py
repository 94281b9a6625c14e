"""Repositories in plain Git."""

from __future__ import annotations

import asyncio
import hmac
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from pydantic import Field, field_validator

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
from plugins.git import commands
from plugins.git.client import Mirror, talk

#: The environment variable that holds what a webhook has to say, where pushes must not be announced by everybody.
SECRET = "DEPLOYER_GIT_WEBHOOK_SECRET"  # noqa: S105  a name
#: Looks at refs that move while they are read.
_LOOKS = 3


class GitOptions(Options):
    """How to reach a repository, and which of its refs count."""

    url: str = Field(description="A path, or a URL of https, http, ssh, git or file, or user@host:path.")
    branches: tuple[str, ...] = Field(("*",), description="Patterns of the branches that count.")
    exclude: tuple[str, ...] = Field(("gh-pages",), description="Patterns of branches that do not.")
    pull_requests: str = Field("", description="Pattern of the refs of pull requests: `refs/pull/*/head`.")
    trust_pull_requests: bool = Field(False, description="Everybody who can open one may run code on the builders.")
    submodules: bool = Field(True, description="Check submodules out as well.")
    include_git: bool = Field(False, description="Keep `.git` with its history in the checkout.")
    commit_url: str = Field("", description="A page about a commit: `https://…/{commit}`.")
    ref_url: str = Field("", description="A page about a ref: `https://…/{ref}`.")
    identity_file: str = Field("", description="The private key for ssh.")
    known_hosts_file: str = Field("", description="The host keys that ssh accepts.")

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return commands.check_url(value)

    @property
    def ssh(self) -> Sequence[str]:
        return commands.ssh_words(self.identity_file, self.known_hosts_file)


@dataclass(frozen=True, slots=True)
class Listing:
    """What `ls-remote` said, without what does not count."""

    refs: Mapping[str, str]
    default_branch: str

    @property
    def validator(self) -> str:
        told = "\n".join(f"{hash} {ref}" for ref, hash in sorted(self.refs.items()))
        return sha256(f"{self.default_branch}\n{told}".encode(errors="surrogateescape")).hexdigest()


class GitSource(Source):
    """Looks by `git ls-remote`, fetches what is new into a mirror, and checks out from there."""

    kind = "git"
    Options = GitOptions

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        options = _options(place)
        mirror = Mirror(data, place.name, options.url)
        for _ in range(_LOOKS):
            listing = await _list(options)
            if listing.validator == validator:
                return Heads(unchanged=True, validator=validator)
            async with mirror.held():
                known = await _describe(mirror, listing, options)
            if known.keys() >= set(listing.refs.values()):
                heads = tuple(_head(ref, known[hash], options) for ref, hash in listing.refs.items())
                return Heads(heads=heads, default_branch=listing.default_branch, validator=listing.validator)
        raise OperationError(f"{commands.redacted(options.url)}: its refs moved each time they were read")

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        options = _options(place)
        if history:
            options = options.model_copy(update={"include_git": True})
        mirror = Mirror(context.data, place.name, options.url)
        async with mirror.held():
            if not mirror.seen(commit):
                await _fetch_again(mirror, commit, options)
            try:
                await self._fill(mirror, commit, directory, options, context)
            except CommandFailed:
                context.log.note("this host's copy of the repository is damaged; it is made anew")
                await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
                await mirror.create()
                await _fetch_again(mirror, commit, options)
                await self._fill(mirror, commit, directory, options, context)
        if options.submodules and (directory / ".gitmodules").is_file():
            await _submodules(mirror, commit, directory, options, context)
        if not options.include_git:
            shutil.rmtree(directory / ".git", ignore_errors=True)

    async def _fill(self, mirror: Mirror, commit: str, directory: Path, options: GitOptions, context: Context) -> None:
        """Put the files there: by an index of its own, or as a clone where `.git` is wanted, be it for submodules."""
        if options.include_git:
            await _clone(mirror, commit, directory, options)
            return
        directory.mkdir(parents=True)
        index = context.scratch / "git-index"
        environment = commands.environment() | {"GIT_WORK_TREE": str(directory), "GIT_INDEX_FILE": str(index)}
        await ask(commands.archive(str(mirror.path), commit), env=environment, leash=context.leash)
        index.unlink(missing_ok=True)

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        return _options(place).commit_url.replace("{commit}", commit)

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        return _options(place).ref_url.replace("{ref}", ref.removeprefix("refs/heads/"))

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Sequence[str]:
        secret = os.environ.get(SECRET, "")
        given = headers.get("x-deployer-secret", "")
        if secret and not hmac.compare_digest(secret.encode(), given.encode()):
            raise PermissionError(f"the header X-Deployer-Secret is not what {SECRET} says")
        if not query.get("repository"):
            raise ValueError("the address has to say which repository: ?repository=owner/name")
        return [query["repository"]]


def _options(place: RepositoryPlace) -> GitOptions:
    assert isinstance(place.options, GitOptions)
    return place.options


async def _list(options: GitOptions) -> Listing:
    said = await talk(options.url, commands.list_remote(options.url), ssh=options.ssh)
    refs: dict[str, str] = {}
    default = ""
    for line in said.decode(errors="replace").splitlines():
        value, _, ref = line.partition("\t")
        if ref == "HEAD" and value.startswith("ref: "):
            default = value.removeprefix("ref: refs/heads/")
        elif _counts(ref, options):
            refs[ref] = value
    return Listing(refs, default)


def _counts(ref: str, options: GitOptions) -> bool:
    if ref.startswith("refs/heads/"):
        name = ref.removeprefix("refs/heads/")
        return _matches(name, options.branches) and not _matches(name, options.exclude)
    return bool(options.pull_requests) and fnmatchcase(ref, options.pull_requests)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


async def _describe(mirror: Mirror, listing: Listing, options: GitOptions) -> dict[str, Commit]:
    """The commits of a listing that can be had, after a fetch of those that are not there."""
    wanted = {hash: ref for ref, hash in listing.refs.items()}
    missing = {hash: ref for hash, ref in wanted.items() if not mirror.seen(hash)}
    try:
        if missing:
            await mirror.fetch(missing, ssh=options.ssh)
        rows = await mirror.describe(sorted(wanted))
        if len(rows) < len(wanted):
            raise OperationError(f"the mirror {mirror.path} has lost commits")
    except OperationError as error:
        # The refs moved meanwhile, the repository does not answer, or the mirror is damaged.
        if "remote ref" in str(error) or listing != await _list(options):
            return {}
        await mirror.create()
        await mirror.fetch(wanted, ssh=options.ssh)
        rows = await mirror.describe(sorted(wanted))
    return {row[0]: _commit(*row) for row in rows}


def _commit(hash: str, date: str, author: str, message: str) -> Commit:
    try:
        committed_at = datetime.fromisoformat(date)
    except ValueError:
        # Git keeps dates that no calendar has.
        committed_at = None
    return Commit(hash=hash, message=message, author=author, committed_at=committed_at)


def _head(ref: str, commit: Commit, options: GitOptions) -> Head:
    branch = ref.startswith("refs/heads/")
    return Head(
        ref=ref,
        kind=RefKind.BRANCH if branch else RefKind.PULL_REQUEST,
        commit=commit,
        trusted=branch or options.trust_pull_requests,
        title="" if branch else commit.title,
        url=options.ref_url.replace("{ref}", ref.removeprefix("refs/heads/")),
    )


async def _fetch_again(mirror: Mirror, commit: str, options: GitOptions) -> None:
    """Fetch a commit that this host does not have: by a ref that points to it, or by its hash."""
    listing = await _list(options)
    ref = next((ref for ref, hash in listing.refs.items() if hash == commit), commit)
    try:
        await mirror.fetch({commit: ref}, ssh=options.ssh)
    except OperationError:
        await _list(options)  # raises if nobody answers; if somebody does, it is the commit that is not there
    if not mirror.seen(commit):
        where = commands.redacted(options.url)
        raise Stalled(f"commit {commit[:10]} exists no more in {where}: its branch was rewritten or deleted")


async def _clone(mirror: Mirror, commit: str, directory: Path, options: GitOptions) -> None:
    await ask(commands.clone(str(mirror.path), str(directory)), env=commands.environment())
    for words in (("remote", "set-url", "origin", options.url), ("checkout", "--quiet", "--detach", commit)):
        await ask(commands.git(*words), cwd=directory, env=commands.environment())


async def _submodules(mirror: Mirror, commit: str, directory: Path, options: GitOptions, context: Context) -> None:
    if not options.include_git:
        shutil.rmtree(directory)
        async with mirror.held():
            await _clone(mirror, commit, directory, options)
    command = commands.update_submodules(options.url)
    try:
        await run(command, log=context.log, leash=context.leash, cwd=directory, env=commands.environment(options.ssh))
    except CommandFailed as error:
        raise OperationError(f"submodules cannot be checked out: {error}") from error
