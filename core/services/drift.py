"""What is known of the drift of services, for the decision what is done about it and for those who read of it. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from core.models import Deployment, Service
from core.pipeline.drift import MOST, DriftDecision, decide
from core.pipeline.facts import DriftFact, RepairFact
from core.services import holds
from core.states import DriftPolicy, JobState


def facts(services: Iterable[Service], now: datetime) -> dict[int, DriftFact]:
    """What is known of those services that have drifted, by their keys. No query where none has; one more for each that
    is to be healed, which are few."""
    drifted = {row.pk: (row, words) for row in services if (words := row.drift)}
    held = holds.in_force(now) if any(row.drift_in_force is DriftPolicy.HEAL for row, _ in drifted.values()) else None
    found = {}
    for key, (row, words) in drifted.items():
        hold = held.of(row) if held and row.drift_in_force is DriftPolicy.HEAL else None
        found[key] = DriftFact(
            words=words,
            policy=row.drift_in_force,
            now=now,
            repairs=_repairs(row) if row.drift_in_force is DriftPolicy.HEAL else (),
            held=hold.sentence.rstrip(".") if hold else "",
        )
    return found


def decision(service: Service, now: datetime) -> DriftDecision | None:
    """What is done about the drift of a service; None where it has none."""
    fact = facts([service], now).get(service.pk)
    return decide(fact) if fact else None


def _repairs(service: Service) -> Sequence[RepairFact]:
    """Its newest deployments as far as they were to put drift right and nobody had asked for them, oldest first."""
    rows = Deployment.objects.filter(service=service).exclude(job__state=JobState.CANCELLED).order_by("-pk")
    found: list[RepairFact] = []
    for drift, asked_by, at, state in rows.values_list("drift", "asked_by", "created_at", "job__state")[:MOST]:
        if not drift or asked_by is not None:
            break
        found.append(RepairFact(at=at, failed=state == JobState.FAILED))
    return found[::-1]
