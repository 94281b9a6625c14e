"""The values that gates and steps and the core exchange, as `core.values` has those of the other roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from core.states import JobState, Purpose, Role
from core.values import Options, Release


class GateOptions(Options):
    """Base of the options of gates that are declared: what the core sees to for each of them."""

    rollbacks: bool = Field(False, description="Hold rollbacks too.")
    exceptions: Literal["builder", "admin", "nobody"] = Field(
        "admin", description="The role that may let a deployment through all the same, with a reason."
    )
    interval: int = Field(
        30, ge=5, le=3600, description="Seconds after which it is asked again while it holds and does not say when."
    )
    timeout: int = Field(20, ge=1, le=60, description="Seconds that it has to answer. Until it does, it holds.")


class StepOptions(Options):
    """Base of the options of steps: what the core sees to for each of them."""

    failure: Literal["fail", "tell"] = Field(
        "fail",
        description="What its failure means. `fail`: before the move, the service is not moved; after it, the service is "
        "taken back. `tell`: it is told, and the deployment goes on.",
    )
    timeout: int = Field(300, ge=1, le=3600, description="Seconds after which it is ended, and has failed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A gate's answer when a deployment has to wait.

    :param reason: one sentence, without its stop: what holds it.
    :param until: when it lifts by itself, if it does; with a time zone.
    :param lifted_by: who can lift it and how, as words that follow "It is lifted by": `2 approvals by admins`. What the
        core knows of (exceptions) it adds itself.
    :param approvers: whose approvals it counts, where it counts some: `builder`, `admin`, or names as a flavour's lists
        have them. They are offered to approve, and the gate is told in `DeploymentQuestion.approvals` who did.
    :param retry_in: seconds after which to ask again; without one at `until`, and after the gate's `interval` at the latest
        where there is no `until`.
    """

    reason: str
    until: datetime | None = None
    lifted_by: str = ""
    approvers: tuple[str, ...] = ()
    retry_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFacts:
    """What gates and steps are told of a deployment.

    :param branch: that of its target.
    :param previous: what the service runs now; None before its first deployment.
    :param asked_by: the name of the person who asked for it; empty where nobody had to.
    :param job: the number of its job, which pages and commands know it by; `url` is the page.
    """

    flavour: str
    repository: str
    service: str
    release: Release
    rollback: bool
    host: str = ""
    uri: str = ""
    branch: str = ""
    previous: Release | None = None
    asked_by: str = ""
    job: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody approved of a deployment.

    :param by: the user's name.
    :param names: what the person can be called in lists: the user's name, accounts, organisations and teams elsewhere.
    :param wrote: the person is the author of the commit, as far as accounts tell.
    :param asked: the person asked for this deployment.
    """

    by: str
    at: datetime
    reason: str = ""
    role: Role = Role.VIEWER
    names: frozenset[str] = frozenset()
    wrote: bool = False
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFact:
    """The newest build of a recipe of the deployment's commit for one platform.

    :param purpose: None where it was not queued yet, and `state` then as well.
    :param url: the page of its job.
    """

    recipe: str
    platform: str
    purpose: Purpose | None = None
    state: JobState | None = None
    finished_at: datetime | None = None
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentQuestion(DeploymentFacts):
    """What a gate is asked about.

    :param since: when the deployment was queued.
    :param approvals: those in force, the oldest first.
    :param builds: of every recipe of the repository, and of each of its platforms.
    """

    now: datetime
    since: datetime | None = None
    approvals: tuple[Approval, ...] = ()
    builds: tuple[BuildFact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRequest(DeploymentFacts):
    """Do something before or after a move.

    :param when: `before` or `after`.
    """

    when: Literal["before", "after"]
