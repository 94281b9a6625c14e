"""A small declared world for tests of services and engine: one repository, and runners that do what they are told."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from core.engine.reconcile import reconcile, stale_repositories
from core.models import Job, Repository, Service
from core.pipeline.declaration import Flavour, Recipe, Target, Use
from core.pipeline.declaration import Repository as DeclaredRepository
from core.pipeline.declaration import Service as Declared
from core.services import declarations, heads, jobs
from core.services.scope import Scope
from core.states import JobKind, JobState, RefKind
from core.values import Commit, Head, Heads

LEASE = timedelta(seconds=30)
DIGEST = "sha256:" + "a" * 64


def flavour(
    *,
    platforms: tuple[str, ...] = ("linux/amd64",),
    services: tuple[str, ...] = ("shop",),
    check: bool = True,
    rollout: str = "together",
    soak: int = 0,
) -> Flavour:
    """A flavour whose kinds no plugin offers: the engine decides without asking any."""
    these = [Declared(name, Use("nowhere")) for name in services]
    target = Target("live", "acme/shop:live", these, rollout=rollout, soak=soak)
    recipe = Recipe("web", Use("nothing"), platforms=platforms, targets=[target])
    return Flavour("acme", [DeclaredRepository("acme/shop", Use("nobody"), [recipe], check=check)])


def declare(declared: Flavour | None = None) -> Repository:
    declarations.apply(declared or flavour(), "tests/acme.py")
    return Repository.objects.get(name="acme/shop")


def hash_of(name: str) -> str:
    return name.encode().hex().ljust(40, "0")


def look(repository: Repository, **branches: str) -> None:
    """A look that sees these branches, each at a commit of this name."""
    seen = tuple(
        Head(
            ref=f"refs/heads/{branch.replace('_', '-')}",
            kind=RefKind.BRANCH,
            commit=Commit(hash=hash_of(commit), message=f"Commit {commit}"),
            trusted=True,
        )
        for branch, commit in branches.items()
    )
    heads.record(repository, Heads(heads=seen, default_branch="main", validator=str(branches)), timezone.now())


def settle(repository: Repository) -> None:
    """Reconcile until nothing is stale."""
    for _ in range(50):
        if repository.pk not in stale_repositories(Scope()):
            return
        reconcile(repository.pk)
    raise AssertionError("it does not settle")


def claim(runner: str = "r", *, limit: int = 100, **places: int) -> list[Job]:
    return jobs.claim(runner, timezone.now(), LEASE, Scope(), places=places, limit=limit)


def finish(job: Job, state: JobState = JobState.SUCCEEDED, *, value: str = "", reason: str = "") -> None:
    value = value or (DIGEST[:-4] + f"{job.pk:04d}" if job.kind == JobKind.RELEASE else "artifact")
    assert jobs.finish(jobs.Claim(job.pk, job.runner), state, value=value, reason=reason)


def run_all(repository: Repository, **failing: str) -> list[Job]:
    """Let everything run to its end, by default well; `failing` gives a reason by kind of job."""
    done = []
    settle(repository)
    while claimed := claim():
        for job in claimed:
            reason = failing.get(str(job.kind), "")
            finish(job, JobState.FAILED if reason else JobState.SUCCEEDED, reason=reason)
        done += claimed
        settle(repository)
    return done


def service(name: str = "shop") -> Service:
    return Service.objects.select_related("current__commit").get(name=name, retired_at=None)


def live(name: str = "shop") -> str | None:
    """The name of the commit that a service runs."""
    current = service(name).current
    return bytes.fromhex(current.commit.hash).rstrip(b"\0").decode() if current else None


def titles(**filters: object) -> list[str]:
    return list(Job.objects.filter(**filters).order_by("pk").values_list("title", flat=True))
