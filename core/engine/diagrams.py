"""The diagrams of repositories, of what is there now. A number of queries that does not grow with the repositories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from core.engine.snapshot import evaluate_all
from core.models import Flavour, Ref, Repository
from core.pipeline.diagram.flow import CommitFact, Flow, Known, flow
from core.pipeline.evaluate import Evaluation, Status
from core.pipeline.operations import Publish
from core.queries import diagrams


def of_repository(repository: Repository, now: datetime) -> Flow:
    """The diagram of a repository, which comes with its flavour."""
    return _of([repository], now)[0]


def of_flavour(flavour: Flavour, now: datetime) -> list[Flow]:
    """The diagrams of the repositories in use of a flavour, by name."""
    rows = Repository.objects.filter(flavour=flavour, retired_at=None).select_related("flavour").order_by("name")
    return _of(list(rows), now)


def _of(repositories: Sequence[Repository], now: datetime) -> list[Flow]:
    shown = diagrams.refs_that_matter(repositories, now)
    evaluations = evaluate_all(repositories, [*shown.deployed, *shown.others])
    services = diagrams.services_seen(repositories)
    waits = diagrams.waits(_waiting(evaluations.values()), now)
    releases = diagrams.release_pages(_releases(evaluations.values()))
    commits = _commits(shown.deployed, shown.others)
    return [
        flow(
            row.pk,
            row.name,
            evaluations[row.pk],
            Known(
                commits=commits[row.pk],
                refs=shown.counts.get(row.pk, 0),
                services=services.get(row.pk, ()),
                waits=waits,
                releases=releases,
            ),
            trouble=_trouble(row),
        )
        for row in repositories
    ]


def _trouble(row: Repository) -> str:
    return f"it could not be looked at: {row.look_error}" if row.look_error else ""


def _waiting(evaluations: Iterable[Evaluation]) -> set[int]:
    states = [state for each in evaluations for state in each.states.values()]
    return {state.job for state in states if state.job and state.status is Status.WAITING}


def _releases(evaluations: Iterable[Evaluation]) -> list[str]:
    nodes = [node for each in evaluations for node in each.graph.nodes.values()]
    return [node.operation.fingerprint for node in nodes if isinstance(node.operation, Publish)]


def _commits(deployed: Iterable[Ref], others: Iterable[Ref]) -> Mapping[int, list[CommitFact]]:
    """The commits of some refs by repository, deployed ones first, each with the refs that point to it."""
    refs: dict[int, dict[str, list[Ref]]] = defaultdict(dict)
    kept = set()
    for ref in deployed:
        kept.add(ref.pk)
        refs[ref.repository_id].setdefault(ref.commit.hash, []).append(ref)
    for ref in others:
        refs[ref.repository_id].setdefault(ref.commit.hash, []).append(ref)
    return defaultdict(
        list,
        {
            repository: [
                CommitFact(
                    hash=hash,
                    refs=[ref.short for ref in these],
                    title=these[0].commit.title,
                    page=f"/repositories/{repository}/?{urlencode({'q': these[0].short})}",
                    deployed=any(ref.pk in kept for ref in these),
                )
                for hash, these in by_commit.items()
            ]
            for repository, by_commit in refs.items()
        },
    )
