"""Repositories on GitHub."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from pydantic import Field, field_validator

from core.api import (
    Changes,
    CommitStatus,
    Context,
    Delivery,
    DeploymentStatus,
    Fact,
    Finding,
    Head,
    Heads,
    OperationError,
    Options,
    RefKind,
    RepositoryPlace,
    Source,
)
from gitmirror.access import Access
from gitmirror.checkout import Wanted, check_out, file_of
from gitmirror.history import changes_between
from gitmirror.listing import commits_of, list_refs
from gitmirror.mirror import Mirror
from plugins.github import check, deployments, reports, session, settings, webhooks
from plugins.github.lookup import NotFound
from plugins.github.queries import Answer, Name
from plugins.github.session import Session

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+")


class GitHubOptions(Options):
    """Which of a repository's refs count. Its name is the declared one."""

    repository: str = Field("", description="`owner/name` at GitHub, if it is declared under another name.")
    branches: tuple[str, ...] = Field(("*",), description="Patterns of the branches that count.")
    exclude: tuple[str, ...] = Field(("gh-pages",), description="Patterns of branches that do not.")
    pull_requests: bool = Field(True, description="Whether open pull requests count.")
    trust_forks: bool = Field(False, description="Everybody who can open a pull request may run code on the builders.")
    submodules: bool = Field(True, description="Check submodules out as well.")
    include_git: bool = Field(False, description="Keep `.git` with its history in the checkout.")

    @field_validator("repository")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError("it is an owner and a name: `ocaml/opam`")
        return value

    def counts(self, head: Head) -> bool:
        """Whether a ref counts."""
        if head.kind is RefKind.PULL_REQUEST:
            return self.pull_requests
        return self.counts_ref(head.ref)

    def counts_ref(self, ref: str) -> bool:
        """Whether a branch counts, by its full name."""
        name = ref.removeprefix("refs/heads/")
        return name != ref and _matches(name, self.branches) and not _matches(name, self.exclude)


class GitHubSource(Source):
    """Looks by GraphQL, or by `git ls-remote` where it is nobody in particular; checks out by git."""

    kind = "github"
    Options = GitHubOptions

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        now = session.current()
        if now.credentials.anonymous:
            return await _heads_by_git(now, place, validator, data)
        return await _heads_by_api(now, place, validator)

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        options, now = _options(place), session.current()
        wanted = Wanted(
            commit=commit,
            access=await _access(now, _name(place)),
            submodules=options.submodules,
            history=history or options.include_git,
        )
        await check_out(_mirror(now, place, context.data), wanted, directory, context)

    async def file(self, place: RepositoryPlace, commit: str, path: str, context: Context) -> bytes | None:
        now = session.current()
        wanted = Wanted(commit=commit, access=await _access(now, _name(place)))
        return await file_of(_mirror(now, place, context.data), wanted, path)

    def clone_url(self, place: RepositoryPlace) -> str:
        return f"{settings.server().url}/{_name(place)}.git"

    def commit_url(self, place: RepositoryPlace, commit: str) -> str:
        return f"{settings.server().url}/{_name(place)}/commit/{quote(commit)}"

    def ref_url(self, place: RepositoryPlace, ref: str) -> str:
        here = f"{settings.server().url}/{_name(place)}"
        if pull := re.fullmatch(r"refs/pull/(\d+)/head", ref):
            return f"{here}/pull/{pull[1]}"
        return f"{here}/tree/{quote(ref.removeprefix('refs/heads/'))}"

    def compare_url(self, place: RepositoryPlace, old: str, new: str) -> str:
        return f"{settings.server().url}/{_name(place)}/compare/{quote(old)}...{quote(new)}"

    async def changes(self, place: RepositoryPlace, old: str, new: str, data: Path) -> Changes:
        now = session.current()
        return await changes_between(_mirror(now, place, data), old, new, await _access(now, _name(place)))

    async def report(self, place: RepositoryPlace, commit: str, status: CommitStatus) -> None:
        now = session.current()
        if not now.credentials.anonymous:
            await reports.report(now, _name(place), commit, status)

    async def report_deployment(self, place: RepositoryPlace, status: DeploymentStatus) -> None:
        now = session.current()
        if not now.credentials.anonymous:
            await deployments.report(now, _name(place), status)

    def webhook(self, headers: Mapping[str, str], query: Mapping[str, str], body: bytes) -> Delivery:
        return webhooks.read(headers, body)

    def webhook_setup(self) -> str:
        return webhooks.setup()

    def facts(self) -> Sequence[Fact]:
        now = session.of_this_loop()
        return now.facts() if now else ()

    async def check(self, places: Sequence[RepositoryPlace], webhook_url: str, data: Path) -> AsyncIterator[Finding]:
        names = [_name(place) for place in places]
        async for finding in check.findings(session.current(), names, webhook_url):
            yield finding


async def _heads_by_api(now: Session, place: RepositoryPlace, validator: str) -> Heads:
    name, options = _name(place), _options(place)
    api = await now.credentials.api_for(name.owner, name.name)
    try:
        answer = await now.lookup(api).whole(name)
    except NotFound:
        raise OperationError(_not_found(now, name, api.who)) from None
    heads = tuple(_trusting(head, options) for head in answer.heads if options.counts(head))
    seen = _validator(answer.default_branch, heads)
    budget = api.budgets.get("graphql")
    about = Heads(
        validator=seen,
        notice=_notice(answer, name),
        renamed_to=answer.name if answer.name.lower() != place.name.lower() else "",
        poll_after=budget.pause(now.clock.now()) if budget else 0,
    )
    if seen == validator:
        return replace(about, unchanged=True)
    return replace(about, heads=heads, default_branch=answer.default_branch)


def _not_found(now: Session, name: Name, who: str) -> str:
    host = now.server.host
    if now.credentials.app:
        where = f"{now.server.url}/organizations/{name.owner}/settings/installations"
        return f"{host} shows {who} no repository {name}: it was deleted, or the app was not given it ({where})"
    return f"{host} shows {who} no repository {name}: it was deleted, or whoever made the token may not see it"


def _renamed(answer: Answer, name: Name) -> bool:
    return answer.name.lower() != str(name).lower()


def _notice(answer: Answer, name: Name) -> str:
    if _renamed(answer, name):
        return f"GitHub calls it {answer.name} now: declare it under that name before somebody else takes the old one."
    return "GitHub has it archived: nothing can be pushed to it." if answer.archived else ""


def _trusting(head: Head, options: GitHubOptions) -> Head:
    return replace(head, trusted=head.trusted or options.trust_forks)


def _validator(default_branch: str, heads: Sequence[Head]) -> str:
    told = [f"{each.ref}\0{each.commit.hash}\0{each.title}\0{each.base}\0{each.trusted}" for each in heads]
    return sha256("\n".join([default_branch, *sorted(told)]).encode()).hexdigest()


async def _heads_by_git(now: Session, place: RepositoryPlace, validator: str, data: Path) -> Heads:
    """Branches alone: which pull requests are open, git does not know."""
    options = _options(place)
    mirror, access = _mirror(now, place, data), Access()
    listing = await list_refs(mirror.url, access, options.counts_ref)
    if listing.validator == validator:
        return Heads(unchanged=True, validator=validator)
    listing, known = await commits_of(mirror, listing, access, options.counts_ref)
    heads = tuple(
        Head(ref=ref, kind=RefKind.BRANCH, commit=known[hash], trusted=True) for ref, hash in listing.refs.items()
    )
    return Heads(heads=heads, default_branch=listing.default_branch, validator=listing.validator)


async def _access(now: Session, name: Name) -> Access:
    """GitHub takes a token as the password of this user ("Authenticating as a GitHub App installation")."""
    password = await now.credentials.password_for(name.owner, name.name)
    return Access(server=now.server.url, user="x-access-token", password=password)


def _mirror(now: Session, place: RepositoryPlace, data: Path) -> Mirror:
    return Mirror(data, place.name, f"{now.server.url}/{_name(place)}.git")


def _options(place: RepositoryPlace) -> GitHubOptions:
    assert isinstance(place.options, GitHubOptions)
    return place.options


def _name(place: RepositoryPlace) -> Name:
    """A repository's name at GitHub.

    :raises OperationError: it cannot be one.
    """
    full = _options(place).repository or place.name
    if not _NAME.fullmatch(full):
        raise OperationError(
            f"{full!r} is no name of a repository at GitHub: set the option `repository` to owner/name"
        )
    owner, _, name = full.partition("/")
    return Name(owner, name)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
