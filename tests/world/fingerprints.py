"""Gives the world's work the fingerprints that its declaration leads to: an evaluation then finds it done, or where it is."""

from __future__ import annotations

from core.engine.snapshot import evaluate_refs
from core.models import Build, Deployment, Job, Release, Repository
from core.pipeline import operations


def settle() -> None:
    """Do so, from the builds to the deployments: each rests on what was made before."""
    for repository in Repository.objects.select_related("flavour"):
        graph = evaluate_refs(repository, repository.refs.filter(gone_at=None)).graph
        for node in graph.nodes.values():
            match node.operation:
                case operations.Build() as build:
                    _build(build)
                case operations.Publish() as publish:
                    rows = Release.objects.filter(target=publish.target, commit__hash=publish.commit)
                    _note(rows.first(), publish.fingerprint)
                case operations.Deploy() as deploy:
                    done = Deployment.objects.filter(service=deploy.service, release__fingerprint=deploy.release)
                    if newest := done.order_by("-pk").first():
                        Job.objects.filter(pk=newest.job_id).update(fingerprint=deploy.fingerprint)


def _build(build: operations.Build) -> None:
    rows = Build.objects.filter(
        recipe=build.recipe, platform=build.platform, commit__hash=build.commit, purpose=build.purpose
    )
    _note(rows.first(), build.fingerprint)


def _note(row: Build | Release | None, fingerprint: str) -> None:
    if row is not None:
        type(row)._default_manager.filter(pk=row.pk).update(fingerprint=fingerprint)
        row.jobs.update(fingerprint=fingerprint, value=row.digest if isinstance(row, Release) else "")
