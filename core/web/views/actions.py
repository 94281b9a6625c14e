"""What people do: each is a POST by somebody with the right role, recorded, and answered by a page that shows it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import RefusedError
from core.models import Job, Release, Repository, Service
from core.queries.access import require
from core.services import heads, jobs, requests
from core.states import Role


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:1000]


@require_POST
@login_required
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("flavour"), pk=pk)
    require(request.user, job.flavour, Role.BUILDER)
    try:
        jobs.approve(job, _person(request), reason=_reason(request))
        messages.success(request, "Approved: it starts as soon as a runner is free.")
    except RefusedError as error:
        messages.error(request, str(error))
    return redirect("job", pk=pk)


@require_POST
@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("flavour"), pk=pk)
    require(request.user, job.flavour, Role.BUILDER)
    try:
        jobs.cancel(job, _person(request), reason=_reason(request))
        messages.success(request, "Cancelled. It is not started again before somebody asks.")
    except RefusedError as error:
        messages.error(request, str(error))
    return redirect("job", pk=pk)


@require_POST
@login_required
def again(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(Job.objects.select_related("flavour", "repository", "commit"), pk=pk)
    require(request.user, job.flavour, Role.BUILDER)
    try:
        newer = requests.again(job, _person(request), reason=_reason(request))
    except RefusedError as error:
        messages.error(request, str(error))
        return redirect("job", pk=pk)
    return redirect("job", pk=newer.pk)


@require_POST
@login_required
def look(request: HttpRequest, pk: int) -> HttpResponse:
    repository = get_object_or_404(Repository.objects.select_related("flavour"), pk=pk)
    require(request.user, repository.flavour, Role.BUILDER)
    heads.ask([repository], timezone.now())
    messages.success(request, "It is being looked at.")
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
    try:
        requests.roll_back(service, wanted, _person(request), reason=_reason(request))
        messages.success(request, f"{service} goes back to {wanted.commit.short}.")
    except RefusedError as error:
        messages.error(request, str(error))
    return redirect("service", pk=pk)


@require_POST
@login_required
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    service = get_object_or_404(Service.objects.select_related("target__recipe__repository__flavour"), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    try:
        requests.lift_rollback(service, _person(request), reason=_reason(request))
        messages.success(request, f"{service} follows {service.target.branch} again.")
    except RefusedError as error:
        messages.error(request, str(error))
    return redirect("service", pk=pk)
