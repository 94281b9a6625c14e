"""What people do about gates: granting exceptions and revoking them. And what pages show of gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from core.errors import RefusedError
from core.models import Approval, GateException, Job, Service
from core.queries import access, gates
from core.queries.gates import GateHold
from core.services import exceptions
from core.states import JobState, Role
from core.web.acting import attempt, person, reason
from core.web.expired import login_needed
from core.web.views.holds import LENGTHS, until


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows of the gates that hold a deployment.

    :param holds: each with whether the person may grant an exception.
    :param approvals: those in force.
    :param mine: the person's own.
    :param may_approve: the person's approval would count for a gate.
    """

    job: Job
    holds: Sequence[tuple[GateHold, bool]]
    approvals: Sequence[Approval]
    mine: Approval | None
    may_approve: bool
    lengths: Sequence[tuple[int, str]] = LENGTHS

    def without(self, reason: str) -> str:
        """What else a job waits for, of all the reasons that were told."""
        for hold, _ in self.holds:
            reason = reason.replace(hold.sentence, "").strip()
        return reason


def shown(request: HttpRequest, job: Job, now: datetime) -> Shown:
    """What there is to show of a job's gates to who asks."""
    held = gates.holds_of([job], now).get(job.pk, [])
    approvals = gates.approvals_of(job) if job.state == JobState.QUEUED else []
    mine = next((each for each in approvals if each.user_id == request.user.pk), None)
    wanted = any(each.approvers for each in held) and mine is None
    return Shown(
        job,
        [(each, gates.may_grant(request.user, job, each.exceptions)) for each in held],
        approvals,
        mine,
        wanted and gates.may_approve(request.user, job, held),
    )


@require_POST
@login_needed
def grant(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a deployment, or all of its service for a time, through a gate that holds it."""
    job = get_object_or_404(Job.objects.select_related("flavour", "deployment_of"), pk=pk, deployment_of__isnull=False)
    service = _service(job.deployment_of.service_id)
    standing = gates.chosen(service, request.POST.get("gate", ""), holding=job)
    gates.require_granter(person(request), service, standing)
    if not standing:
        attempt(request, _nothing_holds, "")
        return redirect("job", pk=pk)
    end = until(request)
    done = f"It is let through {standing[0].title}."

    def act() -> object:
        alone = None if end else job
        return exceptions.grant(service, standing, person(request), reason=reason(request), job=alone, until=end)

    attempt(request, act, done)
    return redirect("job", pk=pk)


def _nothing_holds() -> None:
    raise RefusedError("this gate does not hold it any more")


@require_POST
@login_needed
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(GateException, pk=pk)
    service = _service(row.service_id)
    access.require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    done = f"{service} is let through {row.title} no more."
    attempt(request, lambda: exceptions.revoke(row, person(request), reason=reason(request)), done)
    return redirect("service", pk=service.pk)


def _service(pk: int) -> Service:
    return Service.objects.select_related("target__recipe__repository__flavour").get(pk=pk)
