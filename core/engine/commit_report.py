"""What becomes of a commit: its builds, what is said of it at its source, what it deploys or would deploy. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.engine.snapshot import evaluate_refs
from core.models import Build, Commit, Job, Ref, Service
from core.pipeline.deployability import deployability
from core.queries import told
from core.states import RefKind
from core.values import CommitStatus


@dataclass(frozen=True, slots=True)
class Line:
    """A build of a commit, made or to be made; `job` and `build` are None where it has none yet."""

    recipe: str
    platform: str
    purpose: str
    state: str
    why: str
    job: Job | None
    build: Build | None


@dataclass(frozen=True, slots=True)
class Reach:
    """Services that a commit is deployed to, or would be. `how`: what makes it so, in words."""

    how: str
    now: bool
    services: Sequence[Service]


@dataclass(frozen=True, slots=True)
class Report:
    """`check` is what its source is told, or would be; None for a commit that no ref points to any more."""

    refs: Sequence[Ref]
    check: CommitStatus | None
    lines: Sequence[Line]
    reaches: Sequence[Reach]


def report(commit: Commit) -> Report:
    """All that there is to say of a commit. A fixed number of queries."""
    repository = commit.repository
    refs = list(Ref.objects.filter(commit=commit, gone_at=None))
    builds = {row.fingerprint: row for row in commit.builds.select_related("recipe", "job").order_by("pk")}
    reaches = _reaches(commit, refs)
    if not refs:
        return Report(refs, None, [_past(row) for row in builds.values()], reaches)
    evaluation = evaluate_refs(repository, refs)
    keys = [state.job for state in evaluation.states.values() if state.job]
    known = told.of_jobs(repository.flavour, keys)
    check = deployability(evaluation, commit.hash, known, f"{repository.flavour.address}/commits/{commit.pk}/")
    jobs = Job.objects.in_bulk(keys)
    lines = []
    for id, node in evaluation.graph.nodes.items():
        if not node.platform or node.commit != commit.hash:
            continue
        state, build = evaluation.states[id], builds.get(node.operation.fingerprint) if node.operation else None
        fact = known.get(state.job or 0)
        why = (fact.cause or fact.reason if fact else "") or state.reason
        purpose = "check" if node.kind == "check" else "release"
        lines.append(Line(node.recipe, node.platform, purpose, state.status, why, jobs.get(state.job or 0), build))
    return Report(refs, check, lines, reaches)


def _past(row: Build) -> Line:
    job = row.job
    why = (job.cause or job.reason) if job else ""
    return Line(row.recipe.name, row.platform, row.purpose, job.state if job else "", why, job, row)


def _reaches(commit: Commit, refs: Sequence[Ref]) -> list[Reach]:
    """By branch: what it is the head of, what its pull requests would be merged into, and what else it could become."""
    heads = {ref.short for ref in refs if ref.kind == RefKind.BRANCH}
    bases = {ref.base: ref.short for ref in refs if ref.kind == RefKind.PULL_REQUEST and ref.base}
    rows = Service.objects.filter(target__recipe__repository=commit.repository_id, retired_at=None)
    by_branch: dict[str, list[Service]] = {}
    for row in rows.select_related("target", "current__commit").order_by("target", *Service.IN_ORDER):
        by_branch.setdefault(row.target.branch, []).append(row)
    found = []
    for branch, services in by_branch.items():
        if branch in heads:
            found.append(Reach(f"It is the head of {branch}", True, services))
        elif branch in bases:
            found.append(Reach(f"Once {bases[branch]} is merged into {branch}", False, services))
        else:
            found.append(Reach(f"If it were pushed to {branch}", False, services))
    return sorted(found, key=lambda each: (not each.now, each.how.startswith("If")))
