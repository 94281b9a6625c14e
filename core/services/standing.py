"""Where a service stands when somebody is asked to confirm something, so that nothing else is done than was confirmed."""

from __future__ import annotations

from core.errors import RefusedError
from core.models import Ref, Release, Service


def of(service: Service, release: Release | None = None) -> str:
    """What a confirmation is about, in one word: what the service runs, its newest deployment, its branch's head.

    :param release: the one that it would be moved to, where the person chose it.
    """
    row = Service.objects.select_related("target__recipe").get(pk=service.pk)
    newest = row.deployments.order_by("-pk").values_list("pk", flat=True).first()
    repository, name = row.target.recipe.repository_id, f"refs/heads/{row.target.branch}"
    head = Ref.objects.filter(repository=repository, name=name, gone_at=None).values_list("commit", flat=True).first()
    rollback = row.rollbacks.filter(lifted_at=None).values_list("pk", flat=True).first()
    digest = Release.objects.get(pk=release.pk).digest[-12:] if release else ""
    return "-".join(
        str(each or "") for each in (row.current_id, row.current_digest[-12:], newest, head, rollback, digest)
    )


def check(service: Service, confirmed: str, release: Release | None = None) -> None:
    """Refuse what was confirmed on a page that has been overtaken. Call it in the transaction that acts.

    :param confirmed: what `of` said then; empty where nobody was shown anything.
    :raises RefusedError: the service or its branch has moved on since.
    """
    if confirmed and confirmed != of(service, release):
        raise RefusedError(
            f"{service} has moved on since you were asked: nothing was done. Look again, and decide anew"
        )
