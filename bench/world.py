"""A large deployer's database: 100,000 builds and 20,000 deployments of 40 repositories with 2,000 live refs.

It takes half a minute to make, so it is kept among the temporary files until what it is made of changes: a benchmark
gets a copy of its own.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

BUILDS, DEPLOYMENTS, REFS = 100_000, 20_000, 2_000
SERVICES, HOSTS, REPOSITORIES, FLAVOURS = 50, 15, 40, 4
ACTIVITIES, DELIVERIES, ACTIVE = 20_000, 20_000, 200
_ROOT = Path(__file__).parents[1]
_PLATFORMS = ("linux/amd64", "linux/arm64")
_CAUSES = (
    "The disk of the build machine is full.",
    "A test failed: test_checkout",
    "The Dockerfile copies a file that is not there: config.yml",
    "The registry refused the push: denied",
)


def copy(directory: Path) -> None:
    """Put the database into a data directory that has none."""
    kept = _kept()
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept / "deployer.sqlite3", directory / "deployer.sqlite3")


def _kept() -> Path:
    """Where the database is kept, made now if nobody did."""
    kept = Path(tempfile.gettempdir()) / f"deployer-bench-{os.geteuid()}-{_fingerprint()}"
    if not kept.exists():
        print("  making a large database …", flush=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            made = Path(name) / "made"
            environment = {**os.environ, "DEPLOYER_DATA_DIR": str(made), "DEPLOYER_LOG_LEVEL": "ERROR"}
            subprocess.run([sys.executable, "-m", "bench.world"], env=environment, cwd=_ROOT, check=True)
            made.rename(kept)
    return kept


def _fingerprint() -> str:
    """Of what the database is made of."""
    folder = _ROOT / "core" / "migrations"
    text = b"".join(path.read_bytes() for path in (Path(__file__), *sorted(folder.glob("*.py"))))
    return hashlib.sha256(text).hexdigest()[:12]


class World:
    """Makes the rows, table by table, each with the numbers that others refer to."""

    def __init__(self) -> None:
        from django.contrib.auth.models import User
        from django.utils import timezone

        self.chance = random.Random(6)
        self.now = timezone.now()
        self.people = [User.objects.create_user(name) for name in ("anna", "bert", "cleo")]
        self.root = User.objects.create_superuser("root", password="root")

    def ago(self, part: float) -> Any:
        """A moment of the last two years; 1 is now."""
        return self.now - timedelta(days=730) * (1 - part)

    def fill(self) -> None:
        """All of it."""
        self.declare()
        self.commit()
        self.build()
        self.deploy()
        self.activate()
        self.record()

    def declare(self) -> None:
        """What flavours, repositories, recipes, targets and services there are."""
        from core.models import Flavour, Input, Recipe, Repository, Service, Target

        flavours = [Flavour(name=f"flavour-{n}", title=f"Flavour {n}", admins=["anna"]) for n in range(FLAVOURS)]
        self.flavours = Flavour.objects.bulk_create(flavours)
        Input.objects.bulk_create(
            Input(flavour=each, name=name, reader="image_tag", value="sha256:" + "a" * 64, read_at=self.now)
            for each in self.flavours
            for name in ("base", "compiler")
        )
        self.repositories = Repository.objects.bulk_create(
            Repository(
                flavour=self.flavours[n % FLAVOURS],
                name=f"acme/project-{n:02d}",
                source="git",
                options={"url": f"https://git.acme.example/acme/project-{n:02d}.git"},
                default_branch="main",
                looked_at=self.now,
                look_error="the server does not answer" if n == 7 else "",
            )
            for n in range(REPOSITORIES)
        )
        self.recipes = Recipe.objects.bulk_create(
            Recipe(repository=each, name="web", builder="docker", options={}, platforms=list(_PLATFORMS))
            for each in self.repositories
        )
        self.targets = Target.objects.bulk_create(
            Target(recipe=recipe, branch="live", image=f"registry.acme.example/{recipe.repository.name}:live")
            for recipe in self.recipes
        )
        self.services = Service.objects.bulk_create(
            Service(
                target=self.targets[n % REPOSITORIES],
                name=f"project-{n:02d}",
                deployer="docker_swarm",
                options={"service": f"project-{n:02d}"},
                host=f"host-{n % HOSTS:02d}.acme.example",
                uri=f"https://project-{n:02d}.acme.example/",
                status="failed" if n % 17 == 3 else "done",
                observed_health="unhealthy" if n == 11 else "healthy",
            )
            for n in range(SERVICES)
        )

    def commit(self) -> None:
        """Commits, and the refs that point to the newest of them; as many again are gone."""
        from core.models import Commit, Ref

        self.commits = Commit.objects.bulk_create(
            (
                Commit(
                    repository=self.repositories[n % REPOSITORIES],
                    hash=hashlib.sha1(str(n).encode()).hexdigest(),
                    message=f"Change number {n}\n\nBecause {self.chance.random()} is a number.",
                    author=f"Author {n % 60} <author-{n % 60}@acme.example>",
                    committed_at=self.ago(n / (BUILDS // 2)),
                )
                for n in range(BUILDS // 2)
            ),
            batch_size=5000,
        )
        Ref.objects.bulk_create(
            (self._ref(n, commit) for n, commit in enumerate(reversed(self.commits[-2 * REFS :]))), batch_size=5000
        )

    def _ref(self, n: int, commit: Any) -> Any:
        from core.models import Ref

        branch = n < REPOSITORIES or n % 2
        name = "refs/heads/live" if n < REPOSITORIES else f"refs/heads/topic-{n}" if branch else f"refs/pull/{n}/head"
        return Ref(
            repository=commit.repository,
            name=name,
            kind="branch" if branch else "pull-request",
            commit=commit,
            trusted=bool(branch),
            title="" if branch else f"Let change {n} in",
            moved_at=self.ago(1 - n / (2 * REFS)),
            gone_at=self.now if n >= REFS else None,
            reconciled_version=1,
        )

    def job(self, n: int, count: int, kind: str, commit: Any, title: str, **fields: Any) -> Any:
        """A job that has ended; one in nine failed."""
        from core.models import Job

        at = self.ago(n / count)
        failed = self.chance.random() < 1 / 9
        cause = self.chance.choice(_CAUSES) if failed else ""
        ended = {"state": "failed", "reason": "it ended with 1", "cause": cause, "rule": cause[:20]} if failed else {}
        return Job(
            **{
                "kind": kind,
                "fingerprint": f"{kind}-{n}",
                "exclusive": f"{kind}-{n}",
                "flavour_id": commit.repository.flavour_id,
                "repository": commit.repository,
                "commit": commit,
                "title": title,
                "level": 0,
                "state": "succeeded",
                "log": f"bench/{kind}-{n}.log",
                "attempts": 1,
                "created_at": at,
                "started_at": at + timedelta(seconds=5),
                "finished_at": at + timedelta(seconds=self.chance.randint(20, 900)),
                "runner": "runner",
                **ended,
                **fields,
            }
        )

    def build(self) -> None:
        """Builds for two platforms of each commit, each with its job."""
        from core.models import Build, Job

        numbered = [(n, self.commits[n // 2]) for n in range(BUILDS)]
        builds = Build.objects.bulk_create(
            (
                Build(
                    fingerprint=f"build-{n}",
                    recipe=self.recipes[(n // 2) % REPOSITORIES],
                    commit=commit,
                    target=self.targets[(n // 2) % REPOSITORIES] if n // 2 % 3 == 0 else None,
                    platform=_PLATFORMS[n % 2],
                    purpose="release" if n // 2 % 3 == 0 else "check",
                    trusted=True,
                )
                for n, commit in numbered
            ),
            batch_size=5000,
        )
        jobs = Job.objects.bulk_create(
            (
                self.job(
                    n, BUILDS, "build", commit, f"Build of web on {build.platform}", build=build, pool="builder docker"
                )
                for (n, commit), build in zip(numbered, builds, strict=True)
            ),
            batch_size=5000,
        )
        self.jobs_of(builds, jobs)

    def jobs_of(self, rows: list[Any], jobs: list[Any]) -> None:
        """Name the newest job of each row."""
        from django.db import connection

        table = rows[0]._meta.db_table
        with connection.cursor() as cursor:
            pairs = [(job.pk, row.pk) for row, job in zip(rows, jobs, strict=True)]
            cursor.executemany(f"UPDATE {table} SET job_id = %s WHERE id = %s", pairs)

    def deploy(self) -> None:
        """A release of every third commit's neighbour, and its deployments, the last of which are what runs."""
        from core.models import Deployment, Job, Release, Service

        per_target: list[list[Any]] = [[] for _ in self.targets]
        published = [(n, commit) for n, commit in enumerate(self.commits) if n % 3 == 0]
        releases = Release.objects.bulk_create(
            (
                Release(
                    fingerprint=f"release-{n}",
                    target=self.targets[n % REPOSITORIES],
                    commit=commit,
                    image=self.targets[n % REPOSITORIES].image,
                    digest="sha256:" + hashlib.sha256(str(n).encode()).hexdigest(),
                    published_at=commit.committed_at,
                )
                for n, commit in published
            ),
            batch_size=5000,
        )
        jobs = Job.objects.bulk_create(
            (
                self.job(i, len(published), "release", commit, f"Release {row.image}", release=row, state="succeeded")
                for (i, (_, commit)), row in zip(enumerate(published), releases, strict=True)
            ),
            batch_size=5000,
        )
        self.jobs_of(releases, jobs)
        for row in releases:
            per_target[row.target_id - self.targets[0].pk].append(row)
        each = DEPLOYMENTS // SERVICES
        moves = [
            (service, self._chosen(per_target[n % REPOSITORIES], move, each))
            for move in range(each)
            for n, service in enumerate(self.services)
        ]
        jobs = Job.objects.bulk_create(
            (
                self.job(
                    n, len(moves), "deployment", row.commit, f"{service}: deployment to {row.commit.short}",
                    fingerprint=f"deployment-{service.pk}-{row.pk}",
                )
                for n, (service, row) in enumerate(moves)
            ),
            batch_size=5000,
        )  # fmt: skip
        Deployment.objects.bulk_create(
            (
                Deployment(service=service, release=row, digest=row.digest, job=job)
                for (service, row), job in zip(moves, jobs, strict=True)
            ),
            batch_size=5000,
        )
        for service, row in moves[-SERVICES:]:
            service.current, service.current_digest, service.current_since = row, row.digest, self.now
            service.observed_digest, service.observed_at = row.digest, self.now
        Service.objects.bulk_update(
            self.services, ["current", "current_digest", "current_since", "observed_digest", "observed_at"]
        )

    def _chosen(self, releases: list[Any], move: int, of: int) -> Any:
        return releases[move * (len(releases) - 1) // (of - 1)]

    def activate(self) -> None:
        """Jobs that wait and run: builds, some of them running, and a deployment of a locked service."""
        from core.models import Build, Deployment, Hold, Release, Runner

        Runner.objects.create(
            name="runner", host="here", process=1, boot="boot", heartbeat_at=self.now + timedelta(days=9999)
        )
        for build in list(Build.objects.select_related("commit__repository").order_by("-pk")[:ACTIVE]):
            running = build.pk % 5 == 0
            state: dict[str, Any] = {"state": "running", "runner": "runner", "lease_until": self.now}
            job = self.job(
                BUILDS + build.pk, BUILDS + build.pk, "build", build.commit, "Build of web", build=build,
                finished_at=None, pool="builder docker", cause="", rule="", reason="",
                **(state if running else {"state": "queued", "started_at": None}),
            )  # fmt: skip
            job.save()
        for service in self.services[:10]:
            release = Release.objects.filter(target=service.target).select_related("commit__repository").latest("pk")
            job = self.job(
                0, 1, "deployment", release.commit, f"{service}: deployment", exclusive=f"service:{service.pk}",
                fingerprint=f"next-{service.pk}", state="queued", started_at=None, finished_at=None, cause="", rule="",
            )  # fmt: skip
            job.save()
            Deployment.objects.create(service=service, release=release, digest=release.digest, job=job)
        Hold.objects.bulk_create(
            Hold(flavour=self.flavours[0], service=each, reason="Stocktaking", owner=self.people[0])
            for each in self.services[::9]
        )

    def record(self) -> None:
        """What happened and what was told."""
        from core.models import Activity, ApiToken, Delivery, LogRule

        Activity.objects.bulk_create(self._activities(), batch_size=5000)
        Delivery.objects.bulk_create(
            (
                Delivery(
                    source="git",
                    key=f"delivery-{n}",
                    event="push",
                    sender=f"author-{n % 60}",
                    repositories=[f"acme/project-{n % REPOSITORIES:02d}"],
                    received_at=self.ago(n / DELIVERIES),
                    done_at=self.ago(n / DELIVERIES),
                    outcome="looked at",
                )
                for n in range(DELIVERIES)
            ),
            batch_size=5000,
        )
        ApiToken.objects.bulk_create(
            ApiToken(owner=self.root, name=f"script {n}", hash=f"{n}", beginning=f"{n:06d}", scopes=["read"])
            for n in range(20)
        )
        LogRule.objects.bulk_create(
            LogRule(name=f"rule {n}", pattern=f"error {n}: (.*)", report=r"It failed: \1") for n in range(20)
        )

    def _activities(self) -> Iterator[Any]:
        from core.models import Activity

        for n in range(ACTIVITIES):
            yield Activity(
                at=self.ago(n / ACTIVITIES),
                user=self.people[n % 3] if n % 4 else None,
                verb="cancelled",
                subject=f"job {n}",
                label=f"Build of web {n}",
                reason="It was not needed any more.",
            )


def main() -> None:
    """Make the database in the data directory of this process."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "deployer_site.settings"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    call_command("migrate", verbosity=0)
    with transaction.atomic():
        World().fill()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


if __name__ == "__main__":
    main()
