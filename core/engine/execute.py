"""Carrying one job out: from its row to the call of a plugin. What the plugin raises is the runner's to judge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from asgiref.sync import sync_to_async

from core import configuration
from core.engine import health, steps
from core.errors import OperationError, Waiting
from core.interfaces import Builder
from core.metrics import CALLS
from core.models import Build as BuildRow
from core.models import Commit as CommitRow
from core.models import Deployment, Job, Service
from core.models import Release as ReleaseRow
from core.operation_values import BuildRequest, Context, DeployRequest, PublishRequest
from core.pipeline.retention import KEPT_RELEASES
from core.plugins import plugins
from core.services import gates, provenance
from core.services.places import options_of, repository_place, service_place
from core.states import JobKind, JobState, Purpose
from core.values import Commit, Release

#: Seconds after which an operation that no recipe sets a limit for is ended, and that a release gets at least.
RELEASE_TIMEOUT, DEPLOYMENT_TIMEOUT, INPUT_TIMEOUT = 900, 1800, 300


@dataclass(frozen=True, slots=True)
class Operation:
    """What a job does, ready to be awaited.

    :param run: answers the job's value.
    :param timeout: seconds.
    :param limit: what to change to allow it more time.
    :param data: the plugin's directory.
    """

    run: Callable[[Context], Awaitable[str]]
    timeout: float
    limit: str
    data: Path


def prepare(job: Job) -> Operation:
    """Read what a job needs and find the plugin that does it.

    :raises ConfigurationError: no plugin offers what is declared.
    :raises Stalled: its options are not what the plugin understands.
    :raises Waiting: the plugin was disabled.
    """
    match JobKind(job.kind):
        case JobKind.BUILD:
            return _build(job)
        case JobKind.RELEASE:
            return _release(job)
        case JobKind.DEPLOYMENT:
            return _deployment(job)
        case JobKind.INPUT:
            return _input(job)


def _build(job: Job) -> Operation:
    build = job.build
    assert build is not None
    recipe, commit = build.recipe, build.commit
    plugins.check_on("builders", recipe.builder)
    plugins.check_on("sources", commit.repository.source)
    builder = plugins.builder(recipe.builder)
    source = plugins.source(commit.repository.source)
    place = repository_place(commit.repository)
    given = options_of(builder.Options, recipe.options)
    source_data = configuration.current().plugin_dir(commit.repository.source)

    async def run(context: Context) -> str:
        async def checkout(directory: Path, *, history: bool = False) -> None:
            await source.checkout(place, commit.hash, directory, _at(context, source_data), history=history)

        request = BuildRequest(
            repository=place.name,
            recipe=recipe.name,
            platform=build.platform,
            commit=_commit(commit),
            purpose=Purpose(build.purpose),
            trusted=build.trusted,
            options=given,
            args=build.args,
            image=build.target.image if build.target else None,
            clone_url=source.clone_url(place),
            commit_url=source.commit_url(place, commit.hash),
            url=_page(job),
            checkout=checkout,
        )
        with CALLS.timed(role="builder", kind=recipe.builder, operation="build"):
            return await builder.build(request, context)

    limit = f"`timeout` of recipe {recipe.name!r} of {place.name}"
    return Operation(run, recipe.timeout, limit, configuration.current().plugin_dir(recipe.builder))


def _release(job: Job) -> Operation:
    release = job.release
    assert release is not None
    recipe, commit = release.target.recipe, release.commit
    plugins.check_on("builders", recipe.builder)
    builder = plugins.builder(recipe.builder)
    request = PublishRequest(
        repository=recipe.repository.name,
        recipe=recipe.name,
        commit=_commit(commit),
        image=release.image,
        options=options_of(builder.Options, recipe.options),
        artifacts={build.platform: _artifact(build) for build in _builds(release)},
        commit_url=_commit_url(commit),
        url=_page(job),
    )

    async def run(context: Context) -> str:
        with CALLS.timed(role="builder", kind=recipe.builder, operation="publish"):
            digest = await builder.publish(request, context)
        await _note_manifests(builder, release, digest, context)
        return digest

    data = configuration.current().plugin_dir(recipe.builder)
    # Pushing a large image may take as long as building it did.
    limit = f"`timeout` of recipe {recipe.name!r} of {recipe.repository.name}"
    return Operation(run, max(recipe.timeout, RELEASE_TIMEOUT), limit, data)


async def _note_manifests(builder: Builder, release: ReleaseRow, digest: str, context: Context) -> None:
    """Write down which images were published. That it cannot be told is no reason not to deploy them."""
    try:
        found = await builder.manifests(release.image, digest)
    except OperationError as error:
        context.log.note(f"which images are in it cannot be told: {error}")
        found = {}
    await sync_to_async(provenance.note_manifests)(release, found)


def _page(job: Job) -> str:
    return f"{job.flavour.address}/jobs/{job.pk}/"


def _commit_url(commit: CommitRow) -> str:
    source = plugins.source(commit.repository.source)
    return source.commit_url(repository_place(commit.repository), commit.hash)


def _builds(release: ReleaseRow) -> list[BuildRow]:
    return list(release.builds.all())


def _artifact(build: BuildRow) -> str:
    """What a build made when it succeeded last: a person may be having it done again."""
    return build.jobs.filter(state=JobState.SUCCEEDED).latest("pk").value


def _deployment(job: Job) -> Operation:
    deployment = job.deployment_of
    service = deployment.service
    plugins.check_on("deployers", service.deployer)
    deployer = plugins.deployer(service.deployer)
    if gates.must_be_asked(deployment):
        raise Waiting("Its gates are asked again: something that they look at has changed", retry_in=1)
    release, previous = _published(deployment.release, deployment.digest), deployment.previous
    request = DeployRequest(
        service=service_place(service),
        release=release,
        previous=_published(previous, deployment.previous_digest) if previous else None,
        rollback=deployment.rollback,
        repair=bool(deployment.drift),
        kept=_kept(service),
    )
    around, care = steps.around(deployment), health.care_of(deployment)

    async def move(context: Context) -> None:
        await around.before(context)
        with CALLS.timed(role="deployer", kind=service.deployer, operation="deploy"):
            await deployer.deploy(request, context)
        await around.after(deployer, request, context, found=care.mark)

    async def run(context: Context) -> str:
        # What an attempt before this one found unhealthy is only taken back.
        if not care.found:
            await move(context)
        await health.watch(care, deployer, request, context)
        return release.digest

    data = configuration.current().plugin_dir(service.deployer)
    # Taking it back afterwards may need as long as moving it did.
    timeout = DEPLOYMENT_TIMEOUT * (2 if care.watches or around else 1) + care.longest + around.seconds
    return Operation(run, timeout, "nothing: a deployment has a fixed time", data)


def _kept(service: Service) -> list[Release]:
    """The releases that a service ran last, which people may want to go back to."""
    done = Deployment.objects.filter(service=service, job__state=JobState.SUCCEEDED).select_related("release__commit")
    newest = {each.digest: _published(each.release, each.digest) for each in done[: KEPT_RELEASES * 3]}
    return list(newest.values())[:KEPT_RELEASES]


def _input(job: Job) -> Operation:
    row = job.input
    assert row is not None
    plugins.check_on("inputs", row.reader)
    reader = plugins.input_reader(row.reader)
    given = options_of(reader.Options, row.options)

    async def run(context: Context) -> str:
        with CALLS.timed(role="input", kind=row.reader, operation="read"):
            return await reader.read(given, context)

    data = configuration.current().plugin_dir(row.reader)
    return Operation(run, INPUT_TIMEOUT, "nothing: reading an input has a fixed time", data)


def _at(context: Context, data: Path) -> Context:
    return replace(context, data=data)


def _commit(row: CommitRow) -> Commit:
    return Commit(hash=row.hash, message=row.message, author=row.author, committed_at=row.committed_at)


def _published(row: ReleaseRow, digest: str) -> Release:
    return Release(image=row.image, digest=digest, commit=_commit(row.commit))


@sync_to_async
def load(job: int) -> tuple[Job, Operation]:
    """Read a job and prepare what it does. See `prepare` for what it raises."""
    related = ("flavour", "repository", "build__recipe", "build__target", "build__commit__repository", "input")
    row = Job.objects.select_related(*related, "release__target__recipe__repository", "release__commit").get(pk=job)
    return row, prepare(row)
