"""From rows to the facts that the pipeline decides on. Reads only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q

from core import clock
from core.errors import ConfigurationError
from core.models import Input, Job, Recipe, Ref, Repository, Rollback, Service, Target
from core.pipeline import facts
from core.pipeline.declaration import FromInput
from core.pipeline.evaluate import Evaluation, evaluate
from core.pipeline.graph import build
from core.plugins import plugins
from core.services import drift, unhealthy
from core.services.gates import titles_of
from core.states import JobState, Level, RefKind, Rollout

#: Fingerprints in one query: below every database's limit on parameters.
_BATCH = 500
#: Rows with no more than is looked at: the columns that are left out would cost as much again as the evaluation.
_REFS = Ref.objects.select_related("commit").only("name", "kind", "trusted", "repository", "commit__hash")
_TARGETS = Target.objects.only("recipe", "branch", "image", "rollout")
_SERVICES = Service.objects.only(
    "target", "name", "host", "deployer", "gates", "status", "current", "current_digest", "drift_policy",
    "observed_digest", "observed_drift", "observed_at",
).annotate(running=F("current__fingerprint"), running_commit=F("current__commit__hash"))  # fmt: skip
#: What is not tried again, with its commit.
_MARKS = unhealthy.marks().select_related("release__commit").only("service", "digest", "release__commit__hash")


def evaluate_refs(repository: Repository, refs: Iterable[Ref]) -> Evaluation:
    """Evaluate some live refs of a repository, and with them every other live ref that has a commit in common."""
    return evaluate_all([repository], refs)[repository.pk]


def evaluate_all(repositories: Iterable[Repository], refs: Iterable[Ref]) -> dict[int, Evaluation]:
    """Evaluate some live refs of several repositories as above, by the repository. As many queries for many as for one.

    Where services have moved between them, only what one repository alone is asked for says what is to be cancelled.

    :param repositories: with their flavours.
    """
    rows = list(repositories)
    commits = {ref.commit_id for ref in refs}
    live = _by_repository(_REFS.filter(commit__in=commits, gone_at=None))
    recipes = _recipe_facts(rows)
    targets = {row.pk: _followed(recipes[row.pk], live[row.pk]) for row in rows}
    inputs = _inputs({row.flavour_id for row in rows if any(recipe.args for recipe in recipes[row.pk])})
    active = _active(rows, commits, targets)
    snapshots = {
        row.pk: facts.Snapshot(
            repository=row.name,
            recipes=recipes[row.pk],
            refs=[_ref(ref) for ref in live[row.pk]],
            inputs=inputs[row.flavour_id],
            active=active[row.pk],
            policy=facts.Policy(harmless=row.flavour.harmless, check=row.check_refs),
        )
        for row in rows
    }
    graphs = {key: build(snapshot) for key, snapshot in snapshots.items()}
    results = _results(rows, [each for graph in graphs.values() for each in graph.fingerprints()])
    return {key: evaluate(replace(snapshots[key], results=results), graph) for key, graph in graphs.items()}


def _by_repository(refs: Iterable[Ref]) -> Mapping[int, list[Ref]]:
    found: dict[int, list[Ref]] = defaultdict(list)
    for ref in refs:
        found[ref.repository_id].append(ref)
    return found


def _followed(recipes: Iterable[facts.RecipeFact], refs: Iterable[Ref]) -> list[int]:
    """The targets that follow one of some refs."""
    names = {ref.name for ref in refs}
    return [target.id for recipe in recipes for target in recipe.targets if target.ref in names]


def _recipe_facts(rows: Sequence[Repository]) -> Mapping[int, list[facts.RecipeFact]]:
    """What is declared of repositories, as facts."""
    services = _SERVICES.filter(retired_at=None).order_by(*Service.IN_ORDER)
    rollbacks = Rollback.objects.filter(lifted_at=None).select_related("release")
    marks = Prefetch("deployments", _MARKS.all(), to_attr="marked")
    services = services.prefetch_related(Prefetch("rollbacks", rollbacks, to_attr="in_force"), marks)
    targets = _TARGETS.filter(retired_at=None).prefetch_related(Prefetch("services", services, to_attr="in_use"))
    recipes = Recipe.objects.filter(repository__in=rows, retired_at=None)
    declared = list(recipes.prefetch_related(Prefetch("targets", targets, to_attr="in_use")))
    in_use = [target for recipe in declared for target in recipe.in_use]
    these = [service for target in in_use for service in target.in_use]
    drifts = drift.facts(these, clock.now())
    gates = {row.pk: row.flavour.gates for row in rows}
    found: dict[int, list[facts.RecipeFact]] = defaultdict(list)
    for recipe in declared:
        found[recipe.repository_id].append(_recipe(recipe, gates[recipe.repository_id], drifts))
    return found


def _recipe(recipe: Recipe, gates: Sequence[Any], drifts: Mapping[int, facts.DriftFact]) -> facts.RecipeFact:
    build_level, publish_level = _builder_levels(recipe.builder)
    return facts.RecipeFact(
        id=recipe.pk,
        name=recipe.name,
        definition=definition(recipe),
        platforms=tuple(recipe.platforms),
        args=arguments(recipe.args),
        targets=[_target(target, gates, drifts) for target in recipe.in_use],  # type: ignore[attr-defined]  # prefetched above
        recheck=recipe.recheck,
        build_level=build_level,
        publish_level=publish_level,
    )


def definition(recipe: Recipe) -> str:
    """A hash of everything of a recipe that makes its results differ."""
    parts = (recipe.builder, recipe.options, recipe.args)
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def arguments(kept: Mapping[str, object]) -> dict[str, str | FromInput]:
    """Build arguments as the vocabulary has them."""
    return {name: FromInput(value["input"]) if isinstance(value, dict) else str(value) for name, value in kept.items()}


def _target(target: Target, gates: Sequence[Any], drifts: Mapping[int, facts.DriftFact]) -> facts.TargetFact:
    in_use: Sequence[Service] = target.in_use  # type: ignore[attr-defined]  # prefetched above
    services = [_service(service, gates, drifts.get(service.pk)) for service in in_use]
    return facts.TargetFact(
        id=target.pk,
        branch=target.branch,
        image=target.image,
        services=services,
        rollout=Rollout(target.rollout),
    )


def _service(service: Service, gates: Sequence[Any], drift: facts.DriftFact | None) -> facts.ServiceFact:
    """:param gates: those of its flavour, as they are kept."""
    in_force: Sequence[Rollback] = service.in_force  # type: ignore[attr-defined]  # set by the prefetch above
    return facts.ServiceFact(
        id=service.pk,
        name=str(service),
        level=_deployer_level(service.deployer),
        running=service.running or "",  # type: ignore[attr-defined]  # annotated by the query above
        running_commit=service.running_commit or "",  # type: ignore[attr-defined]  # likewise
        digest=service.current_digest,
        rollback=next(
            (
                facts.RollbackFact(id=each.pk, away_from=each.away_from, release=each.release.fingerprint)
                for each in in_force
            ),
            None,
        ),
        unhealthy=[
            facts.UnhealthyFact(commit=each.release.commit.hash, digest=each.digest, deployment=each.pk)
            for each in service.marked  # type: ignore[attr-defined]  # set by the prefetch above
        ],
        drift=drift,
        gates=titles_of(gates, service.gates),
    )


def _builder_levels(kind: str) -> tuple[Level, Level]:
    try:
        builder = plugins.builder(kind)
    except ConfigurationError:
        # Its plugin is missing: the job will say so, in its log.
        return Level.AVERAGE, Level.DANGEROUS
    return builder.build_level, builder.publish_level


def _deployer_level(kind: str) -> Level:
    try:
        return plugins.deployer(kind).level
    except ConfigurationError:
        return Level.DANGEROUS


def _ref(ref: Ref) -> facts.RefFact:
    return facts.RefFact(id=ref.pk, ref=ref.name, kind=RefKind(ref.kind), commit=ref.commit.hash, trusted=ref.trusted)


def _inputs(flavours: Collection[int]) -> Mapping[int, dict[str, str]]:
    """The values of the inputs that were read, by name, for each of some flavours."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    if flavours:
        rows = Input.objects.filter(flavour__in=flavours, retired_at=None).exclude(read_at=None)
        for flavour, name, value in rows.values_list("flavour", "name", "value"):
            found[flavour][name] = value
    return found


def _results(repositories: Sequence[Repository], fingerprints: Sequence[str]) -> dict[str, facts.Result]:
    results: dict[str, facts.Result] = {}
    fields = ("fingerprint", "pk", "state", "value", "reason", "cancelled_by_person")
    for start in range(0, len(fingerprints), _BATCH):
        batch = fingerprints[start : start + _BATCH]
        rows = Job.objects.filter(repository__in=repositories, fingerprint__in=batch).order_by("pk")
        for fingerprint, job, state, value, reason, by_person in rows.values_list(*fields):
            # In the order of their keys: the newest job of an operation is the one that counts.
            results[fingerprint] = facts.Result(
                job=job, state=JobState(state), value=value, reason=reason, by_person=by_person
            )
    return results


def _active(
    repositories: Sequence[Repository], commits: Iterable[int], targets: Mapping[int, Sequence[int]]
) -> Mapping[int, list[facts.ActiveJob]]:
    owners = {target: repository for repository, these in targets.items() for target in these}
    wanted = Exists(Ref.objects.filter(commit=OuterRef("commit"), gone_at=None))
    of_targets = Q(build__target__in=owners) | Q(release__target__in=owners)
    own = Q(repository__in=repositories) & (~wanted | Q(commit__in=commits) | of_targets)
    # A service that came from another repository may still be in the hands of a deployment from there.
    of_services = Q(deployment_of__service__target__in=owners)
    rows = Job.objects.active().filter(own | of_services)
    fields = ("pk", "fingerprint", "state", "title", "exclusive", "deployment_of__service")
    found: dict[int, list[facts.ActiveJob]] = defaultdict(list)
    extra = ("repository", "deployment_of__service__target")
    for *known, repository, target in rows.values_list(*fields, *extra):
        job, fingerprint, state, title, exclusive, service = known
        fact = facts.ActiveJob(
            job=job,
            fingerprint=fingerprint,
            state=JobState(state),
            title=title,
            exclusive=exclusive,
            service=service,
        )
        for owner in {repository, owners.get(target)} & targets.keys():
            found[owner].append(fact)
    return found
