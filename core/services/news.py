"""What is told of a deployment: to the notifiers, and to the source of its commit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from core import clock
from core.errors import DeployerError
from core.interfaces import Source
from core.models import Commit, Deployment, Job, Repository, Service
from core.pipeline.explain import needs_approval
from core.pipeline.gates import sentence
from core.plugins import plugins
from core.services import gates, messages
from core.services.places import repository_place
from core.states import JobState, Level
from core.values import Commit as CommitValue
from core.values import DeploymentStatus, News

NEWS = TypeAdapter(News)

_OF_JOB = {
    JobState.QUEUED: "queued",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "success",
    JobState.FAILED: "failure",
    JobState.CANCELLED: "inactive",
}


def of_deployment(job: Job) -> None:
    """Have told what a deployment has come to. Call it in the transaction that moved its job."""
    if job.flavour.harmless:
        return
    deployment = job.deployment_of
    _to_notifiers(job, deployment)
    _to_source(job, deployment)


def of_service(service: Service, state: str, text: str, *, since: datetime, reason: str = "") -> None:
    """Have told how a service is that nobody has just moved. Call it in the transaction that saw it.

    :param service: with its flavour.
    :param state: `unhealthy`, `healthy` (again) or `drifted`.
    :param since: when that began; what is told of one beginning is one conversation.
    """
    repository = service.target.recipe.repository
    flavour = repository.flavour
    if flavour.harmless:
        return
    about = "drift" if state == "drifted" else "health"
    page = f"{flavour.address}/services/{service.pk}/"
    news = News(
        flavour=flavour.name,
        key=f"service-{service.pk}-{about}-{since:%Y%m%dT%H%M%S}",
        state=state,
        text=f"{text}. {reason}" if reason else text,
        url=page,
        service=str(service),
        repository=repository.name,
        service_url=page,
        uri=service.uri,
        reason=reason,
        recovered=state == "healthy",
        started_at=since,
    )
    _tell([*flavour.notifiers, *service.notifiers], news.key, news)


def _to_notifiers(job: Job, deployment: Deployment) -> None:
    recipients = [*job.flavour.notifiers, *deployment.service.notifiers]
    if recipients:
        _tell(recipients, str(deployment.pk), _news(job, deployment, clock.now()))


def _tell(recipients: Sequence[Sequence[Any]], about: str, news: News) -> None:
    told = NEWS.dump_python(news, mode="json")
    for index, (kind, options) in enumerate(recipients):
        messages.queue(f"notify:{about}:{index}:{kind}", "notifier", {"kind": kind, "options": options, "news": told})


def _news(job: Job, deployment: Deployment, now: datetime) -> News:
    service, commit, flavour = deployment.service, deployment.release.commit, job.flavour
    waiting = job.state == JobState.QUEUED and needs_approval(
        Level(job.level), flavour.threshold_at(now), approved=job.approved_at is not None
    )
    holds = _holds(job, deployment, now)
    verb = "Roll back to" if deployment.rollback else "Put right" if deployment.drift else "Deploy"
    state = "waits for approval" if waiting else "is held back" if holds else job.state
    text = f"{verb} {commit.short} as {service}: {state}"
    reason = f"{job.reason.rstrip('.')}. Probable cause: {job.cause}" if job.cause else job.reason
    return News(
        flavour=flavour.name,
        key=f"deployment-{deployment.pk}",
        state=job.state,
        text=f"{text}. {reason}" if reason else text,
        url=f"{flavour.address}/jobs/{job.pk}/",
        service=str(service),
        repository=commit.repository.name,
        commit=CommitValue(
            hash=commit.hash, message=commit.message, author=commit.author, committed_at=commit.committed_at
        ),
        commit_url=_commit_url(commit),
        service_url=f"{flavour.address}/services/{service.pk}/",
        uri=service.uri,
        image=f"{deployment.release.image}@{deployment.digest}",
        reason=reason,
        waiting=waiting or bool(holds),
        holds=holds,
        withdrawn=job.state == JobState.CANCELLED and not job.cancelled_by_person,
        rollback=deployment.rollback,
        recovered=job.state == JobState.SUCCEEDED and _failed_before(service, deployment),
        repair=bool(deployment.drift),
        asked_by=_asked_by(deployment),
        started_at=job.started_at,
        finished_at=job.finished_at,
    )


def _holds(job: Job, deployment: Deployment, now: datetime) -> tuple[str, ...]:
    if job.state != JobState.QUEUED:
        return ()
    return tuple(sentence(each, job.pk, now) for each in gates.holds(deployment))


def _failed_before(service: Service, deployment: Deployment) -> bool:
    """Whether the attempt before this one that came to an end of its own failed."""
    ended = (JobState.SUCCEEDED, JobState.FAILED)
    before = service.deployments.filter(pk__lt=deployment.pk, job__state__in=ended).select_related("job").first()
    return before is not None and before.job.state == JobState.FAILED


def _asked_by(deployment: Deployment) -> str:
    if not deployment.rollback:
        return deployment.asked_by.get_username() if deployment.drift and deployment.asked_by else ""
    asked = deployment.service.rollbacks.filter(release=deployment.release, lifted_at=None).first()
    return asked.asked_by.get_username() if asked and asked.asked_by else ""


def _commit_url(commit: Commit) -> str:
    try:
        return plugins.source(commit.repository.source).commit_url(repository_place(commit.repository), commit.hash)
    except DeployerError:
        return ""


def _to_source(job: Job, deployment: Deployment) -> None:
    commit = deployment.release.commit
    if not _listens(commit.repository):
        return
    service = deployment.service
    status = DeploymentStatus(
        id=str(deployment.pk),
        commit=commit.hash,
        ref=deployment.release.target.branch,
        environment=str(service),
        state=_OF_JOB[JobState(job.state)],
        description=job.reason,
        url=f"{job.flavour.address}/jobs/{job.pk}/",
        environment_url=service.uri if service.uri.startswith(("http://", "https://")) else "",
    )
    messages.deployment(commit.repository, status)


def _listens(repository: Repository) -> bool:
    source = plugins.kinds("sources").get(repository.source)
    return isinstance(source, Source) and type(source).report_deployment is not Source.report_deployment
