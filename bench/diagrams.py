"""The diagrams of a flavour of 40 repositories, against evaluating the same facts, and its page's first byte."""

from __future__ import annotations

from datetime import timedelta

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from bench.timing import median, tell
from core.engine import diagrams
from core.engine.reconcile import reconcile, stale_repositories
from core.engine.snapshot import evaluate_all
from core.models import Flavour, Job, Ref, Repository
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.pipeline.diagram import svg
from core.services import declarations, heads, jobs
from core.services.scope import Scope
from core.states import JobKind, JobState, RefKind
from core.values import Commit, Head, Heads

#: As the largest flavours have them: two branches that are deployed, fifty refs in all, two platforms.
REPOSITORIES, REFS, BRANCHES = 40, 50, ("live", "staging")
PLATFORMS = ("linux/amd64", "linux/arm64")
#: Repositories in which something is on its way, or failed.
MOVING = 6
_SCOPE = Scope("diagrams")


def make() -> None:
    """The flavour, with every build done but for the last."""
    call_command("migrate", verbosity=0)
    declared = []
    for number in range(REPOSITORIES):
        targets = [
            declaration.Target(
                branch,
                f"acme/{number}:{branch}",
                [declaration.Service(f"{branch}-{number}-{each}", Use("host")) for each in range(2)],
            )
            for branch in BRANCHES
        ]
        recipe = declaration.Recipe("web", Use("host", command=["true"]), platforms=PLATFORMS, targets=targets)
        declared.append(declaration.Repository(f"acme/repository-{number}", Use("git", url="/nowhere"), [recipe]))
    declarations.apply(declaration.Flavour("diagrams", declared), "bench")
    rows = list(Repository.objects.filter(flavour__name="diagrams"))
    for row in rows:
        look(row, "a")
    settle()
    for row in rows[:MOVING]:
        look(row, "b")
    for job in _claim():
        state = JobState.FAILED if job.repository_id == rows[0].pk else JobState.SUCCEEDED
        jobs.finish(jobs.Claim(job.pk, job.runner), state, value="artifact", reason="exit status 1")
    _claim()


def look(repository: Repository, letter: str) -> None:
    """Write a look down in which every deployment branch, and one more, is at a commit of this letter."""
    names = [*BRANCHES, *(f"topic-{number}" for number in range(REFS - len(BRANCHES)))]
    seen = tuple(
        Head(
            ref=f"refs/heads/{name}",
            kind=RefKind.BRANCH,
            commit=Commit(hash=f"{letter if index < 3 else 'a'}{repository.pk:05d}{index:034d}", message="A change"),
            trusted=True,
        )
        for index, name in enumerate(names)
    )
    heads.record(repository, Heads(heads=seen), timezone.now())


def settle() -> None:
    """Let everything run to its end, well."""
    while jobs_at_hand := _claim():
        for job in jobs_at_hand:
            value = f"sha256:{job.pk:064d}" if job.kind == JobKind.RELEASE else "artifact"
            jobs.finish(jobs.Claim(job.pk, job.runner), JobState.SUCCEEDED, value=value, reason="")


def _claim() -> list[Job]:
    while stale := stale_repositories(_SCOPE):
        for key in stale:
            reconcile(key)
    return jobs.claim("bench", timezone.now(), timedelta(hours=1), _SCOPE, places={}, limit=1000)


def main() -> None:
    make()
    now = timezone.now()
    flavour = Flavour.objects.get(name="diagrams")
    rows = list(Repository.objects.filter(flavour=flavour).select_related("flavour"))
    refs = [ref for ref in Ref.objects.filter(repository__in=rows) if ref.short in BRANCHES]
    evaluated = median(lambda: evaluate_all(rows, refs))
    alone = median(lambda: [evaluate_all([row], [r for r in refs if r.repository_id == row.pk]) for row in rows])
    tell(f"evaluating the deployed branches of {REPOSITORIES} repositories", evaluated)
    tell("the same, each repository alone", alone, evaluated, "evaluating")
    flows = diagrams.of_flavour(flavour, now)
    boxes = sum(len(each.boxes) for each in flows)
    tell(f"their diagrams, {boxes} boxes", median(lambda: diagrams.of_flavour(flavour, now)), evaluated, "evaluating")
    for what, groups in (
        ("what moves or is broken", [svg.Group(each, each.calls_for_attention, "?") for each in flows]),
        ("all of it", [svg.Group(each, True, "?") for each in flows]),
    ):
        drawn = median(lambda groups=groups: svg.flavour(groups, label="x"))
        tell(f"drawing, {what} open", drawn, evaluated, "evaluating")
    client = Client(HTTP_HOST="127.0.0.1")
    page = median(lambda: client.get("/flavours/diagrams/"))
    tell("the flavour's page", page, evaluated, "evaluating")
    print(f"  {len(client.get('/flavours/diagrams/').content) // 1024} kB")
