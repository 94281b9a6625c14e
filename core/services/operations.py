"""Starting operations: the rows that describe them, and the job that carries each out."""

from __future__ import annotations

from core.models import Build, Commit, Deployment, Job, Release, Repository, Service
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
            return _start_deployment(repository, commit, operation)


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


def _start_deployment(repository: Repository, commit: Commit, operation: operations.Deploy) -> Job:
    service = Service.objects.select_related("target", "current").get(pk=operation.service)
    release = Release.objects.select_related("commit").get(fingerprint=operation.release)
    job = jobs.queue(
        JobKind.DEPLOYMENT,
        fingerprint=operation.fingerprint,
        exclusive=operation.exclusive,
        flavour=repository.flavour,
        repository=repository,
        commit=commit,
        title=f"{service}: {'rollback' if operation.rollback else 'deployment'} to {release.commit.short}",
        level=operation.level,
        priority=operation.priority,
        pool="",
    )
    record_deployment(job, service, release, rollback=operation.rollback)
    return job


def record_deployment(job: Job, service: Service, release: Release, *, rollback: bool) -> None:
    """Write down which service a job moves, and from what to what: by the digests of this moment."""
    Deployment.objects.create(
        service=service,
        release=release,
        digest=release.digest,
        previous=service.current,
        previous_digest=service.current_digest,
        rollback=rollback,
        job=job,
    )
    news.of_deployment(job)
