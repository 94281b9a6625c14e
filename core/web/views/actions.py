"""What people do: each is a POST by somebody with the right role, recorded, and answered by a page that shows it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core import clock
from core.models import Job, Release, Repository, Service
from core.queries import changes, gates
from core.queries.access import require
from core.services import approvals, holds, jobs, requests, standing, unhealthy
from core.states import Role
from core.web.acting import attempt, person, reason
from core.web.expired import login_needed


def _job(request: HttpRequest, pk: int) -> Job:
    """A job that the person may start and stop."""
    job = get_object_or_404(Job.objects.select_related("flavour", "repository", "commit"), pk=pk)
    require(request.user, job.flavour, Role.BUILDER)
    return job


@require_POST
@login_needed
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("flavour"), pk=pk)
    confirms = gates.require_approver(person(request), job, clock.now())
    done = "Approved: it starts as soon as nothing else holds it and a runner is free."
    why = reason(request)
    attempt(request, lambda: approvals.approve(job, person(request), reason=why, confirms=confirms), done)
    return redirect("job", pk=pk)


@require_POST
@login_needed
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job, pk=pk)
    done = "Your approval is taken back."
    attempt(request, lambda: approvals.take_back(job, person(request), reason=reason(request)), done)
    return redirect("job", pk=pk)


@require_POST
@login_needed
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    done = "Cancelled. It is not started again before somebody asks."
    attempt(request, lambda: jobs.cancel(job, person(request), reason=reason(request)), done)
    return redirect("job", pk=pk)


@require_POST
@login_needed
def again(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    newer = attempt(
        request, lambda: requests.again(job, person(request), reason=reason(request)), "It is queued again."
    )
    return redirect("job", pk=newer.pk if newer else pk)


@require_POST
@login_needed
def look(request: HttpRequest, pk: int) -> HttpResponse:
    repository = get_object_or_404(Repository.objects.select_related("flavour"), pk=pk)
    require(request.user, repository.flavour, Role.BUILDER)
    attempt(request, lambda: requests.look(repository, person(request)), "It is being looked at.")
    return redirect("repository", pk=pk)


@require_http_methods(["GET", "POST"])
@login_needed
def roll_back(request: HttpRequest, pk: int, release: int) -> HttpResponse:
    """Say exactly what would happen, and do it when that is confirmed."""
    related = ("target__recipe__repository__flavour", "current__commit")
    service = get_object_or_404(Service.objects.select_related(*related), pk=pk)
    wanted = get_object_or_404(Release.objects.select_related("commit"), pk=release)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    if request.method == "GET":
        context = {
            "release": wanted,
            "standing": standing.of(service, wanted),
            "comparison": _comparison(service.current, wanted),
            **_around(service),
        }
        return render(request, "deployer/roll_back.html", context)
    done = f"{service} goes back to {wanted.commit.short}."
    told = {"reason": reason(request), "confirmed": request.POST.get("standing", "")}
    if attempt(request, lambda: requests.roll_back(service, wanted, person(request), **told), done):
        return redirect("service", pk=pk)
    return redirect("roll-back", pk=pk, release=release)


def _comparison(runs: Release | None, wanted: Release) -> changes.Comparison | None:
    return changes.compare(runs, wanted) if runs and runs.target_id == wanted.target_id else None


def _around(service: Service) -> dict[str, object]:
    """What may keep a confirmed move from beginning at once."""
    active = Job.objects.active().filter(deployment_of__service=service).first()
    lock = holds.in_force(clock.now()).locks.get(service.pk)
    return {"service": service, "active": active, "lock": lock}


@require_http_methods(["GET", "POST"])
@login_needed
def redeploy(request: HttpRequest, pk: int) -> HttpResponse:
    """Say exactly what would happen, and do it when that is confirmed."""
    related = ("target__recipe__repository__flavour", "current__commit")
    service = get_object_or_404(Service.objects.select_related(*related), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    newest = service.deployments.filter(drift="").select_related("release__commit").first()
    if request.method == "GET":
        marks = unhealthy.marks().filter(service=service).select_related("release__commit")
        context = {"newest": newest, "marks": marks, "standing": standing.of(service), **_around(service)}
        return render(request, "deployer/redeploy.html", context)
    told = {"reason": reason(request), "confirmed": request.POST.get("standing", "")}
    job = attempt(request, lambda: requests.redeploy(service, person(request), **told), "It is queued again.")
    return redirect("job", pk=job.pk) if job else redirect("redeploy", pk=pk)


@require_POST
@login_needed
def put_right(request: HttpRequest, pk: int) -> HttpResponse:
    service = get_object_or_404(Service.objects.select_related("target__recipe__repository__flavour"), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    told = {"reason": reason(request), "confirmed": request.POST.get("standing", "")}
    job = attempt(request, lambda: requests.put_right(service, person(request), **told), "It is being put right.")
    return redirect("job", pk=job.pk) if job else redirect("service", pk=pk)


@require_POST
@login_needed
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    service = get_object_or_404(Service.objects.select_related("target__recipe__repository__flavour"), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    done = f"{service} follows {service.target.branch} again."
    attempt(request, lambda: requests.lift_rollback(service, person(request), reason=reason(request)), done)
    return redirect("service", pk=pk)
