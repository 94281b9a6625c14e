"""How a release was made, written down when it is published: what is declared may change, and logs are thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core import secrets
from core.errors import DeployerError
from core.logs.redact import Redactor
from core.models import Build, Input, Job, Provenance, Release
from core.pipeline import statements
from core.pipeline.statements import JobFact, Made, UsedInput
from core.plugins import plugins
from core.services.places import repository_place
from core.states import JobState
from core.versions import VERSION

#: Characters. A shorter secret could be met in a digest, a time or the name of a field.
_UNMISTAKABLE = 10


def note_manifests(release: Release, manifests: Mapping[str, str]) -> None:
    """Keep which images are in what was just published, by platform."""
    Provenance.objects.update_or_create(release=release, defaults={"manifests": dict(manifests)})


def record(key: int) -> None:
    """Write down how a release was made. Call it in the transaction in which it was published."""
    release = Release.objects.select_related("target__recipe__repository__flavour", "commit", "job").get(pk=key)
    row, _ = Provenance.objects.get_or_create(release=release)
    row.statement = statement(release, row.manifests, version=VERSION)
    row.save(update_fields=["statement"])


def statement(release: Release, manifests: Mapping[str, str], *, version: str) -> statements.Document:
    """What is attested of how a release was made, by what is known of it now.

    :param version: of the deployer that published it; empty where nobody knows.
    """
    return statements.provenance(_made(release, manifests, version), hider())


def hider(shortest: int = 0) -> statements.Hide:
    """Replaces every secret of this installation in a text.

    :param shortest: characters of those that are looked for.
    """
    redactor = Redactor()
    for value in secrets.all_values():
        if len(value) >= shortest:
            redactor.add(value)
    return lambda text: redactor.hide(text.encode()).decode("utf-8", "replace")


def handed_out(document: statements.Document) -> bytes:
    """A statement as bytes, without what became a secret, or became known as one, only after it was written down."""
    return hider(_UNMISTAKABLE)(statements.encoded(document).decode()).encode()


def _made(release: Release, manifests: Mapping[str, str], version: str) -> Made:
    target, commit = release.target, release.commit
    recipe = target.recipe
    builds = list(release.builds.order_by("platform"))
    args = {name: str(value) for build in builds for name, value in build.args.items()}
    flavour = recipe.repository.flavour
    return Made(
        image=release.image,
        digest=release.digest,
        address=flavour.address,
        flavour=flavour.name,
        repository=recipe.repository.name,
        source=recipe.repository.source,
        clone_url=clone_url(release),
        ref=f"refs/heads/{target.branch}",
        commit=commit.hash,
        author=commit.author,
        recipe=recipe.name,
        builder=recipe.builder,
        platforms=[build.platform for build in builds],
        fingerprint=release.fingerprint,
        version=version,
        manifests=manifests,
        args=args,
        inputs=_inputs(flavour.pk, recipe.args, args),
        builds=[fact(job, build.platform, build.fingerprint) for build in builds if (job := _job(build))],
        publication=fact(release.job, "release", release.fingerprint) if release.job else None,
    )


def clone_url(release: Release) -> str:
    """Where others can have the repository from; empty where they cannot, or its source's plugin is missing."""
    repository = release.target.recipe.repository
    try:
        return plugins.source(repository.source).clone_url(repository_place(repository))
    except DeployerError:
        return ""


def _job(build: Build) -> Job | None:
    """What made what was published: the last that succeeded, as a publication takes it."""
    done = build.jobs.filter(state=JobState.SUCCEEDED).select_related("flavour", "approved_by")
    return done.order_by("-pk").first()


def fact(job: Job, what: str, fingerprint: str = "") -> JobFact:
    """A job, as a statement tells it."""
    return JobFact(
        what=what,
        url=f"{job.flavour.address}/jobs/{job.pk}/",
        started_at=job.started_at,
        finished_at=job.finished_at,
        approved_by=job.approved_by.get_username() if job.approved_by else "",
        approved_at=job.approved_at,
        fingerprint=fingerprint,
    )


def _inputs(flavour: int, declared: Mapping[str, Any], given: Mapping[str, str]) -> list[UsedInput]:
    """The inputs whose values builds were given. Arguments that are declared no more are no longer known to be of one."""
    arguments: dict[str, list[str]] = {}
    for name, value in sorted(declared.items()):
        if isinstance(value, dict) and name in given:
            arguments.setdefault(value["input"], []).append(name)
    readers = dict(Input.objects.filter(flavour=flavour, name__in=arguments).values_list("name", "reader"))
    return [
        UsedInput(name=name, reader=readers.get(name, ""), value=given[names[0]], arguments=names)
        for name, names in sorted(arguments.items())
    ]
