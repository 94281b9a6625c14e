"""What gates are told of a deployment, and what people are told of gates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from core.gate_values import Approval, BuildFact, DeploymentFacts, DeploymentQuestion
from core.models import Approval as ApprovalRow
from core.models import Build, Deployment, GateException, Job, Recipe, Service
from core.pipeline.gates import Answer, sentence, until_when, who
from core.queries import access
from core.services import exceptions, gates, identities
from core.services.gates import Standing
from core.states import JobKind, JobState, Purpose, Role
from core.values import Commit, Release

#: What is read of a deployment to tell of it.
RELATED = (
    "service__target__recipe__repository",
    "release__commit__repository",
    "previous__commit",
    "job__flavour",
    "asked_by",
)
_ROLES = {"builder": Role.BUILDER, "admin": Role.ADMIN}


# For gates and steps


def facts(row: Deployment) -> dict[str, Any]:
    """The fields of `DeploymentFacts`, as gates and steps are told them. Expects what `RELATED` names."""
    service = row.service
    previous = row.previous
    told = DeploymentFacts(
        flavour=row.job.flavour.name,
        repository=service.target.recipe.repository.name,
        service=service.name,
        release=_release(row.release, row.digest),
        rollback=row.rollback,
        host=service.host,
        uri=service.uri,
        branch=service.target.branch,
        previous=_release(previous, row.previous_digest) if previous else None,
        asked_by=row.asked_by.get_username() if row.asked_by else "",
        job=row.job_id,
        url=f"{row.job.flavour.address}/jobs/{row.job_id}/",
    )
    return {name: getattr(told, name) for name in told.__dataclass_fields__}


def question(deployment: int, now: datetime) -> tuple[DeploymentQuestion, list[Standing]]:
    """What the gates before a deployment's service are asked, and which gates those are."""
    row = Deployment.objects.select_related(*RELATED).get(pk=deployment)
    standing = gates.standing_before(row.job.flavour, row.service)
    asked = DeploymentQuestion(
        **facts(row),
        now=now,
        since=row.created_at,
        approvals=tuple(_approval(each, row) for each in approvals_of(row.job)),
        builds=tuple(_builds(row)),
    )
    return asked, [each for each in standing if each.asks(rollback=row.rollback)]


def _release(row: Any, digest: str) -> Release:
    commit = row.commit
    told = Commit(hash=commit.hash, message=commit.message, author=commit.author, committed_at=commit.committed_at)
    return Release(image=row.image, digest=digest, commit=told)


def approvals_of(job: Job) -> list[ApprovalRow]:
    """The approvals in force of a job, the oldest first."""
    return list(job.approvals.filter(withdrawn_at=None).select_related("user"))


def _approval(row: ApprovalRow, deployment: Deployment) -> Approval:
    return Approval(
        by=row.user.get_username(),
        at=row.at,
        reason=row.reason,
        role=access.role_of(row.user, deployment.job.flavour),
        names=frozenset(access.names_of(row.user)),
        wrote=identities.wrote(row.user, deployment.release.commit.author),
        asked=deployment.asked_by_id == row.user_id,
    )


def _builds(row: Deployment) -> Iterable[BuildFact]:
    """The newest build of each recipe in use and platform, of the deployment's commit."""
    repository = row.release.commit.repository
    found = Build.objects.filter(commit=row.release.commit_id, recipe__repository=repository)
    newest = {(each.recipe_id, each.platform): each for each in found.select_related("job").order_by("job_id")}
    for recipe in Recipe.objects.filter(repository=repository, retired_at=None):
        for platform in recipe.platforms:
            build = newest.get((recipe.pk, platform))
            if build is None or build.job is None:
                yield BuildFact(recipe=recipe.name, platform=platform)
                continue
            yield BuildFact(
                recipe=recipe.name,
                platform=platform,
                purpose=Purpose(build.purpose),
                state=JobState(build.job.state),
                finished_at=build.job.finished_at,
                url=f"{row.job.flavour.address}/jobs/{build.job_id}/",
            )


# For people


@dataclass(frozen=True, slots=True)
class GateHold:
    """A gate that holds a deployment, as people see it.

    :param until: when it lifts by itself, and `until_words` the same in words; None and empty where it does not.
    :param lifted_by: who can lift it and how, in words; empty where nobody can.
    :param may_except: whether a person can grant an exception; see `may_grant` for who.
    :param approvers: whose approvals it waits for.
    """

    gate: str
    key: str
    title: str
    reason: str
    until: datetime | None
    until_words: str
    lifted_by: str
    sentence: str
    may_except: bool
    exceptions: str
    approvers: tuple[str, ...]


def holds_of(jobs: Iterable[Job], now: datetime) -> dict[int, list[GateHold]]:
    """What gates hold the deployments among some jobs that wait, by job. One query."""
    keys = [job.pk for job in jobs if job.kind == JobKind.DEPLOYMENT and job.state == JobState.QUEUED]
    rows = Deployment.objects.filter(job__in=keys).exclude(gates=[]).only("job", "gates") if keys else ()
    return {row.job_id: [_shown(each, row.job_id, now) for each in gates.holds(row)] for row in rows}


def holds_by_service(services: Sequence[int], now: datetime) -> dict[int, list[GateHold]]:
    """What gates hold the deployments of some services that wait, by service. One query."""
    rows = Deployment.objects.filter(service__in=services, job__state=JobState.QUEUED).exclude(gates=[])
    rows = rows.only("job", "service", "gates")
    return {row.service_id: [_shown(each, row.job_id, now) for each in gates.holds(row)] for row in rows}


def unasked(jobs: Iterable[Job]) -> set[int]:
    """Those among some deployments that wait whose gates were not asked yet. One query."""
    keys = [job.pk for job in jobs]
    if not keys:
        return set()
    rows = Deployment.objects.filter(gates.gated(), job__in=keys, gates_asked_at=None)
    return set(rows.values_list("job", flat=True))


def _shown(answer: Answer, job: int, now: datetime) -> GateHold:
    return GateHold(
        gate=answer.kind,
        key=answer.key,
        title=answer.title,
        reason=answer.reason,
        until=answer.until,
        until_words=until_when(answer, now),
        lifted_by=who(answer, job),
        sentence=sentence(answer, job, now),
        may_except=answer.may_be_excepted,
        exceptions=answer.exceptions,
        approvers=answer.approvers,
    )


def may_approve(user: access.Person, job: Job, held: Sequence[GateHold]) -> bool:
    """Whether a person's approval of a job counts for anything: the threshold, or a gate that holds it."""
    if access.role_of(user, job.flavour) >= Role.BUILDER:
        return True
    return user.is_authenticated and any(access.is_named(user, each.approvers) for each in held)


def require_approver(user: User, job: Job, now: datetime) -> bool:
    """Refuse a person whose approval of a job counts for nothing; answer whether it confirms its level.

    :raises PermissionDenied: says which role is missing.
    """
    if access.role_of(user, job.flavour) >= Role.BUILDER:
        return True
    if not may_approve(user, job, holds_of([job], now).get(job.pk, ())):
        access.require(user, job.flavour, Role.BUILDER)
    return False


def may_grant(user: access.Person, job: Job, exceptions: str) -> bool:
    """Whether a person may grant an exception that asks for this role."""
    return exceptions in _ROLES and access.role_of(user, job.flavour) >= _ROLES[exceptions]


def chosen(service: Service, gate: str, *, holding: Job | None) -> list[Standing]:
    """The gates of a kind before a service; where a deployment is named that they hold, those that hold it.

    :param gate: a kind, or a key.
    """
    flavour = service.target.recipe.repository.flavour
    found = [each for each in gates.standing_before(flavour, service) if gate in (each.kind, each.key)]
    if holding is None:
        return found
    held = {each.key for each in gates.holds(holding.deployment_of)}
    return [each for each in found if each.key in held]


def require_granter(user: User, service: Service, standing: Sequence[Standing]) -> None:
    """Refuse a person who may not grant exceptions from these gates, or from any where there are none.

    :raises PermissionDenied: says which role is missing.
    """
    flavour = service.target.recipe.repository.flavour
    access.require(user, flavour, Role.BUILDER)
    for each in standing:
        access.require(user, flavour, _ROLES.get(each.exceptions, Role.ADMIN))


@dataclass(frozen=True, slots=True)
class GateHere:
    """A gate that stands before a service. `fault`: why it cannot be asked."""

    gate: str
    title: str
    exceptions: str
    fault: str


def before(service: Service) -> list[GateHere]:
    """The gates before a service."""
    found = gates.standing_before(service.target.recipe.repository.flavour, service)
    return [GateHere(each.kind, each.title, each.exceptions, each.fault) for each in found]


def exceptions_of(service: Service, now: datetime) -> list[GateException]:
    """The exceptions that count for a service now."""
    return list(exceptions.that_matter(now).filter(service=service))
