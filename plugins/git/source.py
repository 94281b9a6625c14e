"""Repositories in plain Git."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, field_validator

from core.api import (
    Commit,
    Context,
    Delivery,
    Head,
    Heads,
    Options,
    RefKind,
    RepositoryPlace,
    Source,
)
from gitmirror import commands
from gitmirror.access import Access, ssh_words
from gitmirror.checkout import Wanted, check_out
from gitmirror.listing import commits_of, list_refs
from gitmirror.mirror import Mirror

#: The environment variable that holds what a webhook has to say, where pushes must not be announced by everybody.
SECRET = "DEPLOYER_GIT_WEBHOOK_SECRET"  # noqa: S105  a name


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
    def access(self) -> Access:
        """How git gets at it."""
        return Access(ssh=ssh_words(self.identity_file, self.known_hosts_file))

    def counts(self, ref: str) -> bool:
        """Whether a ref counts, by its full name."""
        if ref.startswith("refs/heads/"):
            name = ref.removeprefix("refs/heads/")
            return _matches(name, self.branches) and not _matches(name, self.exclude)
        return bool(self.pull_requests) and fnmatchcase(ref, self.pull_requests)


class GitSource(Source):
    """Looks by `git ls-remote`, fetches what is new into a mirror, and checks out from there."""

    kind = "git"
    Options = GitOptions

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        options = _options(place)
        listing = await list_refs(options.url, options.access, options.counts)
        if listing.validator == validator:
            return Heads(unchanged=True, validator=validator)
        mirror = Mirror(data, place.name, options.url)
        listing, known = await commits_of(mirror, listing, options.access, options.counts)
        heads = tuple(_head(ref, known[hash], options) for ref, hash in listing.refs.items())
        return Heads(heads=heads, default_branch=listing.default_branch, validator=listing.validator)

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        options = _options(place)
        wanted = Wanted(
            commit=commit,
            access=options.access,
            submodules=options.submodules,
            history=history or options.include_git,
        )
        await check_out(Mirror(context.data, place.name, options.url), wanted, directory, context)

    def clone_url(self, place: RepositoryPlace) -> str:
        url = _options(place).url
        return url if commands.is_public(url) else ""

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        return _options(place).commit_url.replace("{commit}", commit)

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        return _options(place).ref_url.replace("{ref}", ref.removeprefix("refs/heads/"))

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Delivery:
        secret = os.environ.get(SECRET, "")
        given = headers.get("x-deployer-secret", "")
        if secret and not hmac.compare_digest(secret.encode(), given.encode()):
            raise PermissionError(f"the header X-Deployer-Secret is not what {SECRET} says")
        if not query.get("repository"):
            raise ValueError("the address has to say which repository: ?repository=owner/name")
        return Delivery(look=(query["repository"],))

    def webhook_setup(self) -> str:
        secret = f" Send the header X-Deployer-Secret as {SECRET} has it." if os.environ.get(SECRET) else ""
        return f"Add ?repository=owner/name to the address, and send a POST after each push.{secret}"


def _options(place: RepositoryPlace) -> GitOptions:
    assert isinstance(place.options, GitOptions)
    return place.options


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
