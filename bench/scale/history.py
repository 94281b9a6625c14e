"""What a deployer has behind it: commits, builds, releases and deployments of years, with their jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from bench.scale.size import Size, commit
from core.models import Build, Commit, Deployment, Flavour, Job, Release, Service, Target

_BATCH = 2_000
_YEARS = timedelta(days=2 * 365)


def fill(size: Size) -> None:
    """Write it into the database, in which the flavour has been declared."""
    targets = list(Target.objects.select_related("recipe__repository").order_by("pk"))
    services = list(Service.objects.order_by("pk"))
    flavour = Flavour.objects.get()
    now = timezone.now()
    moves = size.deployments // size.services
    of_target: dict[int, list[Service]] = {target.pk: [] for target in targets}
    for service in services:
        of_target[service.target_id].append(service)
    for move in range(moves):
        at = now - _YEARS * (1 - move / moves)
        commits = Commit.objects.bulk_create(
            (
                Commit(
                    repository=target.recipe.repository,
                    hash=commit("past", target.pk, move),
                    message=f"Change {move}\n\nOf long ago.",
                    author="A. Uthor <a@example.org>",
                    committed_at=at,
                )
                for target in targets
            ),
            batch_size=_BATCH,
        )
        _work(flavour, targets, commits, of_target, move, at)


def _work(
    flavour: Flavour,
    targets: list[Target],
    commits: list[Commit],
    of_target: dict[int, list[Service]],
    move: int,
    at: datetime,
) -> None:
    pairs = list(zip(targets, commits, strict=True))
    builds = Build.objects.bulk_create(
        (
            Build(
                fingerprint=f"past-build-{target.pk}-{move}",
                recipe=target.recipe,
                commit=row,
                target=target,
                platform="linux/amd64",
                purpose="release",
                trusted=True,
            )
            for target, row in pairs
        ),
        batch_size=_BATCH,
    )
    releases = Release.objects.bulk_create(
        (
            Release(
                fingerprint=f"past-release-{target.pk}-{move}",
                target=target,
                commit=row,
                image=target.image,
                digest="sha256:" + hashlib.sha256(f"{target.pk} {move}".encode()).hexdigest(),
                published_at=at,
            )
            for target, row in pairs
        ),
        batch_size=_BATCH,
    )
    done = [
        *(_job(flavour, "build", build, build.commit, at, build=build) for build in builds),
        *(_job(flavour, "release", release, release.commit, at, release=release) for release in releases),
    ]
    Job.objects.bulk_create(done, batch_size=_BATCH)
    moved = [(service, release) for release in releases for service in of_target[release.target_id]]
    jobs = Job.objects.bulk_create(
        (_job(flavour, "deployment", f"{service.pk}-{release.pk}", release.commit, at) for service, release in moved),
        batch_size=_BATCH,
    )
    Deployment.objects.bulk_create(_deployments(moved, jobs), batch_size=_BATCH)


def _deployments(moved: list[tuple[Service, Release]], jobs: list[Job]) -> Iterator[Deployment]:
    for (service, release), job in zip(moved, jobs, strict=True):
        yield Deployment(service=service, release=release, digest=release.digest, job=job)


def _job(flavour: Flavour, kind: str, what: Any, of: Commit, at: datetime, **fields: Any) -> Job:
    key = f"past-{kind}-{getattr(what, 'pk', what)}"
    return Job(
        kind=kind,
        fingerprint=hashlib.sha256(key.encode()).hexdigest(),
        exclusive=key,
        flavour=flavour,
        repository_id=of.repository_id,
        commit=of,
        title=f"{kind.capitalize()} of {of.hash[:10]}",
        level=2,
        state="succeeded",
        attempts=1,
        created_at=at,
        started_at=at + timedelta(seconds=1),
        finished_at=at + timedelta(seconds=30),
        runner="gone",
        **fields,
    )
