"""Commits and refs: what was built of each, what its source is told, what it deploys or would deploy."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from core.engine.commit_report import report
from core.models import Commit, Ref, Repository
from core.queries import deployments
from core.web.links import commit_url

#: Deployments of a commit that are shown.
_SHOWN = 20
_RELATED = "repository__flavour"


def commit(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(Commit.objects.select_related(_RELATED), pk=pk), None)


def ref(request: HttpRequest, pk: int) -> HttpResponse:
    """A ref, by the commit that it points to, or last pointed to."""
    row = get_object_or_404(Ref.objects.select_related(f"commit__{_RELATED}"), pk=pk)
    return _page(request, row.commit, row)


def by_hash(request: HttpRequest, pk: int, beginning: str) -> HttpResponse:
    """To the commit of a repository whose hash begins so."""
    repository = get_object_or_404(Repository, pk=pk)
    rows = list(repository.commits.filter(hash__startswith=beginning.lower())[:2])
    return redirect("commit", pk=rows[0].pk) if len(rows) == 1 else redirect("repository", pk=pk)


def _page(request: HttpRequest, row: Commit, ref: Ref | None) -> HttpResponse:
    past = deployments.rows().filter(release__commit=row).order_by("-pk")[:_SHOWN]
    context = {
        "commit": row,
        "ref": ref,
        "report": report(row),
        "url": commit_url(row.repository, row.hash),
        "pasts": deployments.pasts(past),
    }
    return render(request, "deployer/commit.html", context)
