"""Evaluating a flavour of 500 repositories, purely, against turning the same facts into JSON."""

from __future__ import annotations

import dataclasses
import json

from bench.timing import median, tell
from core.pipeline.evaluate import evaluate
from core.pipeline.facts import RecipeFact, RefFact, Result, ServiceFact, Snapshot, TargetFact
from core.pipeline.graph import build
from core.states import JobState, RefKind

REPOSITORIES, REFS, PLATFORMS = 500, 10, ("linux/amd64", "linux/arm64")


def repository(number: int) -> Snapshot:
    """A repository with a service, ten refs, and every result."""
    services = [ServiceFact(id=number, name=f"service-{number}")]
    targets = [TargetFact(id=number, branch="live", image=f"acme/{number}:live", services=services)]
    recipes = [RecipeFact(id=number, name="web", definition="d", platforms=PLATFORMS, targets=targets)]
    names = ["live", *(f"topic-{index}" for index in range(REFS - 1))]
    refs = [
        RefFact(id=index, ref=f"refs/heads/{name}", kind=RefKind.BRANCH, commit=f"{number}-{index}", trusted=True)
        for index, name in enumerate(names)
    ]
    snapshot = Snapshot(repository=f"acme/{number}", recipes=recipes, refs=refs)
    results = {
        fingerprint: Result(job=job, state=JobState.SUCCEEDED, value="sha256:x")
        for job, fingerprint in enumerate(build(snapshot).fingerprints())
    }
    return dataclasses.replace(snapshot, results=results)


def main() -> None:
    flavour = [repository(number) for number in range(REPOSITORIES)]
    as_json = median(lambda: [json.dumps(dataclasses.asdict(snapshot)) for snapshot in flavour], times=3)
    evaluated = median(lambda: [evaluate(snapshot) for snapshot in flavour], times=5)
    nodes = sum(len(evaluate(snapshot).states) for snapshot in flavour)
    tell("the same facts as JSON", as_json)
    tell(f"evaluating {REPOSITORIES} repositories, {nodes} nodes", evaluated, as_json, "JSON")
