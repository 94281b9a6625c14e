"""What people do: each is a POST by somebody with the right role, recorded, and answered by a page that shows it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core.models import Job, Release, Repository, Service
from core.queries.access import require
from core.services import jobs, requests
from core.states import Role
from core.web.acting import attempt, person, reason


def _job(request: HttpRequest, pk: int) -> Job:
    """A job that the person may start and stop."""
    job = get_object_or_404(Job.objects.select_related("flavour", "repository", "commit"), pk=pk)
    require(request.user, job.flavour, Role.BUILDER)
    return job


@require_POST
@login_required
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    done = "Approved: it starts as soon as a runner is free."
    attempt(request, lambda: jobs.approve(job, person(request), reason=reason(request)), done)
    return redirect("job", pk=pk)


@require_POST
@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    done = "Cancelled. It is not started again before somebody asks."
    attempt(request, lambda: jobs.cancel(job, person(request), reason=reason(request)), done)
    return redirect("job", pk=pk)


@require_POST
@login_required
def again(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    newer = attempt(
        request, lambda: requests.again(job, person(request), reason=reason(request)), "It is queued again."
    )
    return redirect("job", pk=newer.pk if newer else pk)


@require_POST
@login_required
def look(request: HttpRequest, pk: int) -> HttpResponse:
    repository = get_object_or_404(Repository.objects.select_related("flavour"), pk=pk)
    require(request.user, repository.flavour, Role.BUILDER)
    attempt(request, lambda: requests.look(repository, person(request)), "It is being looked at.")
    return redirect("repository", pk=pk)


@require_http_methods(["GET", "POST"])
@login_required
def roll_back(request: HttpRequest, pk: int, release: int) -> HttpResponse:
    """Say exactly what would happen, and do it when that is confirmed."""
    related = ("target__recipe__repository__flavour", "current__commit")
    service = get_object_or_404(Service.objects.select_related(*related), pk=pk)
    wanted = get_object_or_404(Release.objects.select_related("commit"), pk=release)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    if request.method == "GET":
        return render(request, "deployer/roll_back.html", {"service": service, "release": wanted})
    done = f"{service} goes back to {wanted.commit.short}."
    attempt(request, lambda: requests.roll_back(service, wanted, person(request), reason=reason(request)), done)
    return redirect("service", pk=pk)


@require_http_methods(["GET", "POST"])
@login_required
def redeploy(request: HttpRequest, pk: int) -> HttpResponse:
    """Say exactly what would happen, and do it when that is confirmed."""
    related = ("target__recipe__repository__flavour", "current__commit")
    service = get_object_or_404(Service.objects.select_related(*related), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    newest = service.deployments.select_related("release__commit").first()
    if request.method == "GET":
        return render(request, "deployer/redeploy.html", {"service": service, "newest": newest})
    job = attempt(
        request, lambda: requests.redeploy(service, person(request), reason=reason(request)), "It is queued again."
    )
    return redirect("job", pk=job.pk) if job else redirect("service", pk=pk)


@require_POST
@login_required
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    service = get_object_or_404(Service.objects.select_related("target__recipe__repository__flavour"), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    done = f"{service} follows {service.target.branch} again."
    attempt(request, lambda: requests.lift_rollback(service, person(request), reason=reason(request)), done)
    return redirect("service", pk=pk)
