"""Looks at the deployer's database with the deployer's own code, from the tests' host: a process of its own.

    python -m tests.chaos.observer

One line of JSON in, one out. Its clock and its network are never touched.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import django


def setup(flavours: list[str]) -> dict[str, Any]:
    """Make the tables, the rows that the flavours declare, and somebody who may do everything; answer a token."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from core.engine import schedules
    from core.models import Flavour
    from core.services import declarations, tokens
    from core.states import Level, TokenScope

    call_command("migrate", verbosity=0)
    for name in flavours:
        declarations.load(name)
    Flavour.objects.filter(name="careful").update(threshold=Level.DANGEROUS)
    schedules.install()
    user = User.objects.create_superuser("ann")
    return {"token": tokens.make(user, "chaos", [TokenScope.READ, TokenScope.ACT])[1]}


def look() -> dict[str, Any]:
    """All that the invariants are about, as of one moment."""
    from django.db import transaction

    with transaction.atomic():
        return _look()


def _look() -> dict[str, Any]:
    from django.db.models import F
    from django.utils import timezone

    from core.engine.reconcile import stale_repositories
    from core.engine.snapshot import evaluate_refs
    from core.models import Activity, Deployment, Hold, Job, Message, Ref, Repository, Rollback, Runner, Service
    from core.pipeline.evaluate import Status
    from core.queries import waiting
    from core.services.scope import Scope

    now = timezone.now()
    nodes, starts, cancels = [], 0, 0
    repositories = list(Repository.objects.filter(retired_at=None).select_related("flavour"))
    for repository in repositories:
        refs = list(Ref.objects.filter(repository=repository, gone_at=None).select_related("commit"))
        evaluation = evaluate_refs(repository, refs)
        starts, cancels = starts + len(evaluation.start), cancels + len(evaluation.cancel)
        for id, state in evaluation.states.items():
            if state.status is not Status.DONE:
                node = evaluation.graph.nodes[id]
                facts = {"repository": repository.name, "node": node.label, "commit": node.commit}
                nodes.append({**facts, "status": state.status, "reason": state.reason, "job": state.job})
    active = list(Job.objects.active().select_related("flavour", "repository", "commit"))
    reasons = waiting.reasons(active, now)
    return {
        "now": now.timestamp(),
        "stale": stale_repositories(Scope()),
        "undone": nodes,
        "starts": starts,
        "cancels": cancels,
        "repositories": {
            row.name: {
                "id": row.pk,
                "looked_at": row.looked_at.timestamp() if row.looked_at else 0,
                "error": row.look_error,
                "next_look_at": row.next_look_at.timestamp(),
                "lease": row.look_lease_until.timestamp() if row.look_lease_until else None,
                "refs": {ref.name: ref.commit.hash for ref in row.refs.filter(gone_at=None).select_related("commit")},
            }
            for row in repositories
        },
        "active": [
            {
                "id": job.pk,
                "kind": job.kind,
                "title": job.title,
                "state": job.state,
                "exclusive": job.exclusive,
                "reason": reasons[job.pk],
                "runner": job.runner,
                "lease": job.lease_until.timestamp() if job.lease_until else None,
                "not_before": job.not_before.timestamp() if job.not_before else None,
                "flavour": job.flavour.name,
                "approved": job.approved_at is not None,
            }
            for job in active
        ],
        "services": {
            row.name: {
                "id": row.pk,
                "digest": row.current_digest,
                "observed": row.observed_digest,
                "health": row.observed_health,
                "status": row.status,
                "reason": row.reason,
                "commit": row.current.commit.hash if row.current else "",
            }
            for row in Service.objects.filter(retired_at=None).select_related("current__commit")
        },
        "rollbacks": [
            {"service": row.service.name, "commit": row.release.commit.hash, "away_from": row.away_from}
            for row in Rollback.objects.filter(lifted_at=None).select_related("service", "release__commit")
        ],
        "holds": Hold.objects.filter(lifted_at=None).count(),
        "unsent": list(Message.objects.filter(version__gt=F("sent_version")).values_list("key", "failures", "error")),
        "activities": list(Activity.objects.exclude(user=None).values_list("verb", "reason")),
        "deployments": [
            {"id": row.pk, "service": row.service.name, "state": row.job.state, "rollback": row.rollback}
            for row in Deployment.objects.select_related("service", "job")
        ],
        "runners": list(Runner.objects.values_list("name", flat=True)),
    }


def jobs() -> dict[str, Any]:
    """Every job: key, title, state, reason and log."""
    from core.models import Job

    fields = ("id", "kind", "title", "state", "reason", "log", "attempts", "fingerprint")
    return {"jobs": list(Job.objects.order_by("pk").values(*fields))}


def releases(service: int) -> dict[str, Any]:
    """The releases that a service could be sent back to: those published of its target, newest first."""
    from core.models import Release

    rows = Release.objects.filter(target__services=service).exclude(digest="")
    return {"releases": list(rows.values_list("pk", "commit__hash"))}


VERBS = {"setup": setup, "look": look, "jobs": jobs, "releases": releases}


def main() -> None:
    django.setup()
    from django.db import connection

    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told: dict[str, Any] = VERBS[asked.pop("verb")](**asked)
        except Exception as error:  # noqa: BLE001  the database may be away
            connection.close()
            told = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
