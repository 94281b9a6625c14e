"""What people do: each is a POST by somebody with the right role, recorded, and answered by a page that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from core.errors import RefusedError
from core.models import Job, Release, Repository, Service
from core.queries.access import require
from core.services import jobs, requests
from core.states import Role

_Made = TypeVar("_Made")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "").strip()[:1000]


def _job(request: HttpRequest, pk: int) -> Job:
    """A job that the person may start and stop."""
    job = get_object_or_404(Job.objects.select_related("flavour", "repository", "commit"), pk=pk)
    require(request.user, job.flavour, Role.BUILDER)
    return job


def _attempt(request: HttpRequest, action: Callable[[], _Made], done: str) -> _Made | None:
    """Do it, and have the next page say that it is done, or why it is not possible."""
    try:
        made = action()
    except RefusedError as error:
        messages.error(request, str(error))
        return None
    messages.success(request, done)
    return made


@require_POST
@login_required
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    done = "Approved: it starts as soon as a runner is free."
    _attempt(request, lambda: jobs.approve(job, _person(request), reason=_reason(request)), done)
    return redirect("job", pk=pk)


@require_POST
@login_required
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    done = "Cancelled. It is not started again before somebody asks."
    _attempt(request, lambda: jobs.cancel(job, _person(request), reason=_reason(request)), done)
    return redirect("job", pk=pk)


@require_POST
@login_required
def again(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(request, pk)
    newer = _attempt(
        request, lambda: requests.again(job, _person(request), reason=_reason(request)), "It is queued again."
    )
    return redirect("job", pk=newer.pk if newer else pk)


@require_POST
@login_required
def look(request: HttpRequest, pk: int) -> HttpResponse:
    repository = get_object_or_404(Repository.objects.select_related("flavour"), pk=pk)
    require(request.user, repository.flavour, Role.BUILDER)
    _attempt(request, lambda: requests.look(repository, _person(request)), "It is being looked at.")
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
    _attempt(request, lambda: requests.roll_back(service, wanted, _person(request), reason=_reason(request)), done)
    return redirect("service", pk=pk)


@require_POST
@login_required
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    service = get_object_or_404(Service.objects.select_related("target__recipe__repository__flavour"), pk=pk)
    require(request.user, service.target.recipe.repository.flavour, Role.BUILDER)
    done = f"{service} follows {service.target.branch} again."
    _attempt(request, lambda: requests.lift_rollback(service, _person(request), reason=_reason(request)), done)
    return redirect("service", pk=pk)
