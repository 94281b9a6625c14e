"""The values that a plugin and the core exchange. Immutable, without behaviour beyond what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from core.states import Health, RefKind


class Options(BaseModel):
    """Base of every plugin's options: unknown names are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as its source tells it. `hash` is the full hash, in hexadecimal."""

    hash: str
    message: str = ""
    author: str = ""
    committed_at: datetime | None = None

    @property
    def short(self) -> str:
        return self.hash[:10]

    @property
    def title(self) -> str:
        return self.message.strip().partition("\n")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A ref and the commit it points to now.

    :param ref: its full name: `refs/heads/live`, `refs/pull/12/head`.
    :param trusted: False when somebody without write access may have chosen the commit (a fork's pull request).
    :param base: the branch that a pull request wants to be merged into.
    """

    ref: str
    kind: RefKind
    commit: Commit
    trusted: bool = False
    title: str = ""
    base: str = ""
    url: str = ""

    @property
    def name(self) -> str:
        """The name that people use: `live`, `12`."""
        return self.ref.removeprefix("refs/heads/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one commit has that another has not.

    :param commits: those that the new one has and the old one has not, newest first.
    :param cut: there are more of them.
    :param forward: the old one is among the ancestors of the new one; if not, the branch was rewritten or went back.
    """

    commits: tuple[Commit, ...] = ()
    cut: bool = False
    forward: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """All refs of a repository, or the news that nothing changed since `validator` was given out.

    :param validator: opaque; given back to the source at the next look, so that it can answer `unchanged` cheaply.
    :param notice: something that its people should know of the repository; it is shown on its page.
    :param renamed_to: what its source calls it now, where that is not the declared name.
    :param poll_after: seconds before the source wants to be polled again; it is asked sooner where somebody asks.
    """

    heads: tuple[Head, ...] = ()
    default_branch: str = ""
    validator: str = ""
    unchanged: bool = False
    notice: str = ""
    renamed_to: str = ""
    poll_after: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryPlace:
    """A repository, as its source needs to know it. `options` is an instance of the source's `Options`."""

    name: str
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A remark on a line of a file of a commit. `path` is relative to the repository's root, `line` begins with 1."""

    path: str
    line: int
    message: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStatus:
    """What is said of a commit to its source.

    :param context: the name of the check: `deployability`.
    :param state: `queued`, `running`, `success`, `failure` or `neutral`.
    :param summary: Markdown, at most 60,000 characters.
    :param text: further Markdown, at most 60,000 characters: the decisive lines of what failed.
    :param actions: what people may be offered to ask for: `rebuild`, `cancel`.
    """

    context: str
    state: str
    title: str
    summary: str = ""
    text: str = ""
    url: str = ""
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[str, ...] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    """What is said of a deployment to the source of its commit.

    :param id: tells this deployment from others, for ever.
    :param environment: what people know the service by.
    :param state: `queued`, `running`, `success`, `failure`, or `inactive` for one that came to nothing.
    :param url: the page with its log.
    :param environment_url: where people find the service.
    """

    id: str
    commit: str
    ref: str
    environment: str
    state: str
    description: str = ""
    url: str = ""
    environment_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asked for at the source's own pages.

    :param verb: `rebuild` or `cancel`: the builds of a commit.
    :param person: who, with the source's kind: `github:login`.
    :param subject: tells the person from all others there, and never changes; logins do.
    """

    verb: str
    repository: str
    commit: str
    person: str
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook, as its source understands it. It never says more than where to look again, and what a person asked for.

    :param id: the same when it is sent again; empty where the source gives none.
    :param event: what it was about, for people: `push`, `pull_request.closed`.
    :param sender: who caused it, for people.
    :param look: the repositories to look at again, by the names that they have at their source.
    :param everything: all repositories of the source are to be looked at.
    """

    id: str = ""
    event: str = ""
    sender: str = ""
    look: tuple[str, ...] = ()
    everything: bool = False
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that a plugin tells of itself: what is left of a rate limit, who it is signed in as.

    :param numbers: what of it is a number, for `/metrics`, by a name in small letters: `rate_limit_remaining`. It is
        found there as `deployer_plugin_<plugin>_<name>`, with the fact's label as the label `fact`.
    """

    label: str
    text: str
    warning: bool = False
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolWorker:
    """A machine that builds.

    :param state: `active`, `paused` or `disconnected`.
    :param running: builds that it has in hand, ours and others'; None where that is not told.
    """

    name: str
    state: str
    running: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Machines that build, as whoever looks after them tells it.

    :param capacity: builds that they can do at once.
    :param running: builds that they do now, ours and others'.
    :param queued: builds that wait for one of them.
    """

    name: str
    capacity: int
    running: int
    queued: int
    workers: tuple[PoolWorker, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a check of the configuration.

    :param level: `ok`, `warning` or `error`.
    :param remedy: what to do about it.
    """

    level: str
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody who logged in elsewhere.

    :param subject: tells the person from all others there, and never changes.
    :param login: the name that the person has there now.
    :param groups: what the person belongs to: `github:organisation`, `github:organisation/team`.
    """

    subject: str
    login: str
    name: str = ""
    email: str = ""
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An image as published: always told by its digest (`sha256:…`)."""

    image: str
    digest: str
    commit: Commit | None = None

    @property
    def reference(self) -> str:
        return f"{self.image}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePlace:
    """A service, as its deployer needs to know it. `options` is an instance of the deployer's `Options`."""

    name: str
    host: str = ""
    uri: str = ""
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a service runs now.

    :param digest: None where it runs nothing, or something that no release is known by.
    :param detail: one line for people: `2 of 2 tasks running`.
    :param drift: what else was changed since the deployment, by whomever: `scaled from 2 to 5`; empty where nothing was.
    """

    digest: str | None
    health: Health = Health.UNKNOWN
    since: datetime | None = None
    detail: str = ""
    drift: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that people may want to hear.

    :param key: news with the same key are about the same thing: a newer one replaces one that was not sent yet.
    :param state: the state of the job behind it (`core.states.JobState`); without a job how a service is: `unhealthy`,
        `healthy` or `drifted`.
    :param text: one line, which says all that matters to who reads nothing else.
    :param url: the page of the job, with its log.
    :param uri: where people find the service.
    :param image: the image by its digest.
    :param reason: why it waits or failed.
    :param waiting: it waits for somebody's approval, or is held back.
    :param holds: what holds it back, a sentence each: which gate, why, who can lift it, when it lifts by itself.
    :param withdrawn: it came to nothing because something newer took its place; nobody cancelled it.
    :param recovered: the attempt before this one failed, this one succeeded; or a service is well again.
    :param repair: it puts drift right: the service is moved to what it should run already.
    :param asked_by: the person who asked for it, where it was one.
    """

    flavour: str
    key: str
    state: str
    text: str
    url: str = ""
    service: str = ""
    repository: str = ""
    commit: Commit | None = None
    commit_url: str = ""
    service_url: str = ""
    uri: str = ""
    image: str = ""
    reason: str = ""
    waiting: bool = False
    holds: tuple[str, ...] = ()
    withdrawn: bool = False
    rollback: bool = False
    recovered: bool = False
    repair: bool = False
    asked_by: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def kind(self) -> str:
        """What they are, for who chooses what to hear: `waiting`, `withdrawn`, `recovered`, or the state."""
        if self.waiting:
            return "waiting"
        if self.withdrawn:
            return "withdrawn"
        return "recovered" if self.recovered else self.state


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRule:
    r"""What it means when something is found in the log of a job that failed.

    :param pattern: a regular expression in RE2's syntax; `^` and `$` are the ends of a line. Groups named `file` and
        `line` tell a place in the repository.
    :param report: the probable cause, one sentence of at most 500 characters. `\1` and `\g<name>` stand for what groups
        of the pattern have found.
    :param score: 0 to 100: of several rules that match the highest counts, of equals the one that matches last in the log.
    :param example: lines of a log that it is meant for.
    """

    name: str
    pattern: str
    report: str
    score: int = 50
    example: str = ""
