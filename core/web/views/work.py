"""One build, one release, one deployment."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from core import configuration
from core.models import Build, Deployment, Release
from core.queries import changes, deployments
from core.queries.access import role_of
from core.states import Role
from core.web.links import commit_url, compare_url


def build(request: HttpRequest, pk: int) -> HttpResponse:
    related = ("recipe__repository", "commit", "target", "job")
    row = get_object_or_404(Build.objects.select_related(*related), pk=pk)
    context = {
        "build": row,
        "url": commit_url(row.recipe.repository, row.commit.hash),
        "jobs": row.jobs.all(),
        "releases": row.releases.select_related("commit"),
    }
    return render(request, "deployer/build.html", context)


def release(request: HttpRequest, pk: int) -> HttpResponse:
    related = ("target__recipe__repository", "commit", "job")
    row = get_object_or_404(Release.objects.select_related(*related), pk=pk)
    context = {
        "release": row,
        "url": commit_url(row.target.recipe.repository, row.commit.hash),
        "jobs": row.jobs.all(),
        "comparison": changes.of_release(row),
        "signs": bool(configuration.current().provenance_key),
        "builds": row.builds.select_related("recipe", "job"),
        "deployments": row.deployments.select_related("service", "job", "lifted_by"),
    }
    return render(request, "deployer/release.html", context)


def deployment(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(deployments.rows(), pk=pk)
    previous, release = row.previous, row.release
    same = previous is not None and previous.target_id == release.target_id and previous.pk != release.pk
    others = Deployment.objects.filter(service=row.service_id)
    context = {
        "deployment": row,
        "may_act": role_of(request.user, row.service.target.recipe.repository.flavour) >= Role.BUILDER,
        "past": deployments.pasts([row])[0],
        "signs": bool(configuration.current().provenance_key),
        "jobs": [row.job],
        "comparison": changes.compare(previous, release) if previous and same else None,
        "url": compare_url(release.commit.repository, previous.commit.hash, release.commit.hash)
        if previous and same
        else "",
        "before": others.filter(pk__lt=pk).order_by("-pk").first(),
        "after": others.filter(pk__gt=pk).order_by("pk").first(),
    }
    return render(request, "deployer/deployment.html", context)
