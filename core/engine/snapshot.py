"""From rows to the facts that the pipeline decides on. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from django.db.models import Exists, OuterRef, Prefetch, Q

from core.errors import ConfigurationError
from core.models import Input, Job, Recipe, Ref, Repository, Rollback, Service, Target
from core.pipeline import facts
from core.pipeline.declaration import FromInput
from core.pipeline.evaluate import Evaluation, evaluate
from core.pipeline.graph import build
from core.plugins import plugins
from core.states import JobState, Level, RefKind, Rollout

#: Fingerprints in one query: below every database's limit on parameters.
_BATCH = 500


def evaluate_refs(repository: Repository, refs: Iterable[Ref]) -> Evaluation:
    """Evaluate some live refs of a repository, and with them every other live ref that has a commit in common."""
    commits = {ref.commit_id for ref in refs}
    live = Ref.objects.filter(repository=repository, commit__in=commits, gone_at=None).select_related("commit")
    recipes = recipe_facts(repository)
    branches = {ref.name for ref in live}
    targets = [target.id for recipe in recipes for target in recipe.targets if target.ref in branches]
    snapshot = facts.Snapshot(
        repository=repository.name,
        recipes=recipes,
        refs=[_ref(ref) for ref in live],
        inputs=_inputs(repository) if any(recipe.args for recipe in recipes) else {},
        active=_active(repository, commits, targets),
        policy=facts.Policy(harmless=repository.flavour.harmless, check=repository.check_refs),
    )
    graph = build(snapshot)
    return evaluate(replace(snapshot, results=_results(repository, graph.fingerprints())), graph)


def recipe_facts(repository: Repository) -> list[facts.RecipeFact]:
    """What is declared of a repository, as facts."""
    services = Service.objects.filter(retired_at=None).select_related("current").order_by(*Service.IN_ORDER)
    rollbacks = Rollback.objects.filter(lifted_at=None).select_related("release")
    services = services.prefetch_related(Prefetch("rollbacks", rollbacks, to_attr="in_force"))
    targets = Target.objects.filter(retired_at=None).prefetch_related(Prefetch("services", services))
    recipes = repository.recipes.filter(retired_at=None).prefetch_related(Prefetch("targets", targets))
    return [_recipe(recipe) for recipe in recipes]


def _recipe(recipe: Recipe) -> facts.RecipeFact:
    build_level, publish_level = _builder_levels(recipe.builder)
    return facts.RecipeFact(
        id=recipe.pk,
        name=recipe.name,
        definition=definition(recipe),
        platforms=tuple(recipe.platforms),
        args=arguments(recipe.args),
        targets=[_target(target) for target in recipe.targets.all()],
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


def _target(target: Target) -> facts.TargetFact:
    services = [_service(service) for service in target.services.all()]
    return facts.TargetFact(
        id=target.pk,
        branch=target.branch,
        image=target.image,
        services=services,
        rollout=Rollout(target.rollout),
    )


def _service(service: Service) -> facts.ServiceFact:
    in_force: Sequence[Rollback] = service.in_force  # type: ignore[attr-defined]  # set by the prefetch above
    return facts.ServiceFact(
        id=service.pk,
        name=str(service),
        level=_deployer_level(service.deployer),
        running=service.current.fingerprint if service.current else "",
        digest=service.current_digest,
        rollback=next(
            (
                facts.RollbackFact(id=each.pk, away_from=each.away_from, release=each.release.fingerprint)
                for each in in_force
            ),
            None,
        ),
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


def _inputs(repository: Repository) -> dict[str, str]:
    rows = Input.objects.filter(flavour=repository.flavour_id, retired_at=None).exclude(read_at=None)
    return dict(rows.values_list("name", "value"))


def _results(repository: Repository, fingerprints: Sequence[str]) -> dict[str, facts.Result]:
    results: dict[str, facts.Result] = {}
    fields = ("fingerprint", "pk", "state", "value", "reason", "cancelled_by_person")
    for start in range(0, len(fingerprints), _BATCH):
        batch = fingerprints[start : start + _BATCH]
        rows = Job.objects.filter(repository=repository, fingerprint__in=batch).order_by("pk")
        for fingerprint, job, state, value, reason, by_person in rows.values_list(*fields):
            # In the order of their keys: the newest job of an operation is the one that counts.
            results[fingerprint] = facts.Result(
                job=job, state=JobState(state), value=value, reason=reason, by_person=by_person
            )
    return results


def _active(repository: Repository, commits: Iterable[int], targets: Iterable[int]) -> list[facts.ActiveJob]:
    wanted = Exists(Ref.objects.filter(commit=OuterRef("commit"), gone_at=None))
    of_targets = Q(build__target__in=targets) | Q(release__target__in=targets)
    own = Q(repository=repository) & (~wanted | Q(commit__in=commits) | of_targets)
    # A service that came from another repository may still be in the hands of a deployment from there.
    rows = Job.objects.active().filter(own | Q(deployment_of__service__target__in=targets))
    fields = ("pk", "fingerprint", "state", "title", "exclusive", "deployment_of__service")
    return [
        facts.ActiveJob(
            job=job,
            fingerprint=fingerprint,
            state=JobState(state),
            title=title,
            exclusive=exclusive,
            service=service,
        )
        for job, fingerprint, state, title, exclusive, service in rows.values_list(*fields)
    ]
