"""One build, one release, one deployment."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from core.models import Build, Deployment, Release
from core.web.links import commit_url


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
        "builds": row.builds.select_related("recipe", "job"),
        "deployments": row.deployments.select_related("service", "job"),
    }
    return render(request, "deployer/release.html", context)


def deployment(request: HttpRequest, pk: int) -> HttpResponse:
    related = ("service__target__recipe__repository", "release__commit", "previous__commit", "job")
    row = get_object_or_404(Deployment.objects.select_related(*related), pk=pk)
    return render(request, "deployer/deployment.html", {"deployment": row, "jobs": [row.job]})
