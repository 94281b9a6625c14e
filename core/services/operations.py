"""Starting operations: the rows that describe them, and the job that carries each out."""

from __future__ import annotations

from django.contrib.auth.models import User

from core.models import Build, Commit, Deployment, Job, Release, Repository, Rollback, Service
from core.pipeline import operations
from core.pipeline.operations import Operation
from core.services import jobs, news, pools
from core.states import JobKind, Purpose


def start(repository: Repository, operation: Operation) -> Job:
    """Start what an evaluation says is ready. Call it in the transaction that evaluated."""
    commit = Commit.objects.get(repository=repository, hash=operation.commit)
    match operation:
        case operations.Build():
            return _start_build(repository, commit, operation)
        case operations.Publish():
            return _start_release(repository, commit, operation)
        case operations.Deploy():
            return deploy(repository, commit, operation)


def _start_build(repository: Repository, commit: Commit, operation: operations.Build) -> Job:
    build, _ = Build.objects.get_or_create(
        fingerprint=operation.fingerprint,
        defaults={
            "recipe_id": operation.recipe,
            "commit": commit,
            "target_id": operation.target,
            "platform": operation.platform,
            "purpose": operation.purpose,
            "trusted": operation.trusted,
            "args": dict(operation.args),
        },
    )
    return _queue_build(repository, build, operation)


def _queue_build(repository: Repository, build: Build, operation: operations.Build) -> Job:
    job = jobs.queue(
        JobKind.BUILD,
        fingerprint=operation.fingerprint,
        exclusive=operation.exclusive,
        flavour=repository.flavour,
        repository=repository,
        commit=build.commit,
        title=f"{repository.name}: {build} of {build.commit.short}",
        level=operation.level,
        priority=operation.priority,
        pool=pools.pool_of(build.recipe, build.platform, Purpose(build.purpose)),
        build=build,
    )
    Build.objects.filter(pk=build.pk).update(job=job)
    return job


def _start_release(repository: Repository, commit: Commit, operation: operations.Publish) -> Job:
    release, created = Release.objects.get_or_create(
        fingerprint=operation.fingerprint,
        defaults={"target_id": operation.target, "commit": commit, "image": operation.image},
    )
    if created:
        release.builds.set(Build.objects.filter(fingerprint__in=operation.builds.values()))
    job = jobs.queue(
        JobKind.RELEASE,
        fingerprint=operation.fingerprint,
        exclusive=operation.exclusive,
        flavour=repository.flavour,
        repository=repository,
        commit=commit,
        title=f"{repository.name}: release of {operation.image} from {commit.short}",
        level=operation.level,
        priority=operation.priority,
        pool="",
        release=release,
    )
    Release.objects.filter(pk=release.pk).update(job=job)
    return job


def deploy(
    repository: Repository,
    commit: Commit,
    operation: operations.Deploy,
    asked_by: User | None = None,
    asked_why: str = "",
) -> Job:
    """Start a deployment. Call it in the transaction that found that it may be.

    :param asked_by: who asked for just this one; who asked for a rollback is known by that.
    """
    service = Service.objects.select_related("target", "current").get(pk=operation.service)
    release = Release.objects.select_related("commit").get(fingerprint=operation.release)
    verb = "rollback to" if operation.rollback else "put right at" if operation.repairs else "deployment to"
    job = jobs.queue(
        JobKind.DEPLOYMENT,
        fingerprint=operation.fingerprint,
        exclusive=operation.exclusive,
        flavour=repository.flavour,
        repository=repository,
        commit=commit,
        title=f"{service}: {verb} {release.commit.short}",
        level=operation.level,
        priority=operation.priority,
        pool="",
    )
    requests = Rollback.objects.select_related("asked_by")
    request = requests.get(pk=operation.request) if operation.request else None
    if request:
        asked_by, asked_why = request.asked_by, request.reason
    drift = operation.repairs
    record_deployment(
        job, service, release, rollback=operation.rollback, drift=drift, asked_by=asked_by, asked_why=asked_why
    )
    return job


def record_deployment(
    job: Job,
    service: Service,
    release: Release,
    *,
    rollback: bool,
    drift: str = "",
    asked_by: User | None,
    asked_why: str,
) -> None:
    """Write down which service a job moves, from what to what (by the digests of this moment), and who wanted it.

    :param drift: what it is to put right: it moves to the digest that the service should run already.
    """
    Deployment.objects.create(
        service=service,
        release=release,
        digest=service.current_digest if drift else release.digest,
        drift=drift,
        previous=service.current,
        previous_digest=service.current_digest,
        rollback=rollback,
        asked_by=asked_by,
        asked_why=asked_why,
        job=job,
    )
    news.of_deployment(job)
