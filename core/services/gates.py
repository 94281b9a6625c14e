"""The gates that stand before services, and which deployments they have let go."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import Q, QuerySet
from pydantic import TypeAdapter

from core import clock
from core.errors import DeployerError
from core.gate_values import GateOptions
from core.interfaces import Gate
from core.models import Deployment, Flavour, Service
from core.pipeline.gates import Answer, holding
from core.plugins import plugins
from core.services import hints
from core.services.places import options_of
from core.states import JobState
from core.values import Options

logger = logging.getLogger(__name__)

_ANSWERS = TypeAdapter(list[Answer])
#: The longest title that is kept.
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A gate that stands before a service.

    :param key: tells it with its options from others of its kind.
    :param title: what people call it, with its options.
    :param exceptions: the role that may let a deployment through: `builder`, `admin`, `nobody`.
    :param gate: with `options`; None where it cannot be asked, because of `fault`.
    """

    kind: str
    key: str
    title: str
    exceptions: str
    gate: Gate | None = None
    options: Options | None = None
    fault: str = ""

    def asks(self, *, rollback: bool) -> bool:
        """Whether it is asked: rollbacks pass unless its options say otherwise."""
        return not rollback or not isinstance(self.options, GateOptions) or self.options.rollbacks


def standing_before(flavour: Flavour, service: Service) -> list[Standing]:
    """The gates before a service: those of every service, the flavour's, its own. Each once."""
    return _standing([*flavour.gates, *service.gates])


def titles_of(flavour: Sequence[Any], service: Sequence[Any]) -> list[str]:
    """What people call the gates before a service, of what its flavour and itself declare."""
    return [each.title for each in _standing([*flavour, *service])]


def _standing(declared: Sequence[Any]) -> list[Standing]:
    uses = [*((gate.kind, {}) for gate in plugins.gates_always), *((kind, options) for kind, options in declared)]
    return list({each.key: each for each in (_one(kind, options) for kind, options in uses)}.values())


def _one(kind: str, kept: Mapping[str, Any]) -> Standing:
    key = f"{kind}-{sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]}"
    try:
        plugins.check_on("gates", kind)
        gate = plugins.gate(kind)
        options = options_of(gate.Options, kept)
    except DeployerError as error:
        # A gate that cannot be asked holds: somebody wanted it there. An admin can still let a deployment through.
        return Standing(kind=kind, key=key, title=kind, exceptions="admin", fault=str(error))
    exceptions = options.exceptions if isinstance(options, GateOptions) else "admin"
    return Standing(kind=kind, key=key, title=_title(gate, options), exceptions=exceptions, gate=gate, options=options)


def _title(gate: Gate, options: Options) -> str:
    try:
        words = str(gate.title(options))
    except Exception:
        logger.exception("gate %s cannot say what it is", gate.kind)
        words = ""
    return " ".join(words.replace("\0", "").split())[:_LONGEST] or gate.kind


def gated() -> Q:
    """Restrict a query of deployments to those that gates stand before."""
    if plugins.gates_always:
        return Q()
    return ~Q(service__gates=[]) | ~Q(job__flavour__gates=[])


def let_go(now: datetime) -> Q:
    """Restrict a query of jobs to those that no gate holds."""
    free = Q(deployment_of=None) | Q(deployment_of__let_go_until__gt=now)
    if not plugins.gates_always:
        free |= Q(flavour__gates=[], deployment_of__service__gates=[])
    return free


def must_be_asked(deployment: Deployment) -> bool:
    """Whether the gates before a deployment that starts have not let it go, as something has changed just now."""
    return deployment.let_go_until is None and bool(standing_before(deployment.job.flavour, deployment.service))


def ask_again(deployments: QuerySet[Deployment]) -> None:
    """Have the gates of those that wait asked at once: something that they may look at has changed.

    What is being asked just now counts no more. Call it in the transaction that changes it.
    """
    waiting = deployments.filter(job__state=JobState.QUEUED)
    keys = list(waiting.values_list("pk", flat=True))
    if keys:
        rows = Deployment.objects.filter(pk__in=keys)
        rows.update(gates_due_at=clock.now(), gates_lease_until=None, let_go_until=None)
        hints.changed()


def of_declared(row: object) -> None:
    """Have the gates asked that a flavour or a service declares, as it declares others now."""
    match row:
        case Flavour():
            ask_again(Deployment.objects.filter(job__flavour=row))
        case Service():
            ask_again(Deployment.objects.filter(service=row))


def answers(deployment: Deployment) -> list[Answer]:
    """What the gates last said of a deployment; nothing where they were not asked yet."""
    return _ANSWERS.validate_python(deployment.gates)


def holds(deployment: Deployment) -> list[Answer]:
    """What holds a deployment that waits."""
    return holding(answers(deployment))


def kept(these: Sequence[Answer]) -> list[Any]:
    """Answers as a row keeps them."""
    plain: list[Any] = _ANSWERS.dump_python(list(these), mode="json")
    return plain
