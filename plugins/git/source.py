"""Repositories in plain Git."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, field_validator

from core.api import (
    Changes,
    Commit,
    Context,
    Delivery,
    Finding,
    Head,
    Heads,
    Options,
    RefKind,
    RepositoryPlace,
    Source,
)
from gitmirror import commands
from gitmirror.access import Access, ssh_words
from gitmirror.checkout import Wanted, check_out, file_of
from gitmirror.history import changes_between
from gitmirror.listing import commits_of, list_refs
from gitmirror.mirror import Mirror
from plugins.git.settings import GitSettings

#: The variable that holds what a webhook has to say, where pushes must not be announced by everybody.
SECRET = GitSettings.variable("webhook_secret")


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
    compare_url: str = Field("", description="A page about what changed: `https://…/{old}...{new}`.")
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

    async def file(self, place: RepositoryPlace, commit: str, path: str, context: Context) -> bytes | None:
        options = _options(place)
        wanted = Wanted(commit=commit, access=options.access)
        return await file_of(Mirror(context.data, place.name, options.url), wanted, path)

    def clone_url(self, place: RepositoryPlace) -> str:
        url = _options(place).url
        return url if commands.is_public(url) else ""

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        return _options(place).commit_url.replace("{commit}", commit)

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        return _options(place).ref_url.replace("{ref}", ref.removeprefix("refs/heads/"))

    def compare_url(self, place: RepositoryPlace, old: str, new: str) -> str:
        return _options(place).compare_url.replace("{old}", old).replace("{new}", new)

    async def changes(self, place: RepositoryPlace, old: str, new: str, data: Path) -> Changes:
        options = _options(place)
        return await changes_between(Mirror(data, place.name, options.url), old, new, options.access)

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Delivery:
        secret = GitSettings.read().webhook_secret.get_secret_value()
        given = headers.get("x-deployer-secret", "")
        if secret and not hmac.compare_digest(secret.encode(), given.encode()):
            raise PermissionError(f"the header X-Deployer-Secret is not what {SECRET} says")
        if not query.get("repository"):
            raise ValueError("the address has to say which repository: ?repository=owner/name")
        return Delivery(look=(query["repository"],))

    async def check(self, places: Sequence[RepositoryPlace], webhook_url: str, data: Path) -> AsyncIterator[Finding]:
        async for finding in super().check(places, webhook_url, data):
            yield finding
        if GitSettings.read().webhook_secret.get_secret_value():
            yield Finding(level="ok", text=f"webhooks have to come with the secret of {SECRET}")
        else:
            text = (
                "webhooks are taken from everybody: whoever sends one can have a repository looked at, and nothing else"
            )
            remedy = (
                f"To take them from those who know a secret, set {SECRET}, and send it as the header X-Deployer-Secret."
            )
            yield Finding(level="ok", text=text, remedy=remedy)

    def webhook_setup(self) -> str:
        secret = (
            f" Send the header X-Deployer-Secret as {SECRET} has it."
            if GitSettings.read().webhook_secret.get_secret_value()
            else ""
        )
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
