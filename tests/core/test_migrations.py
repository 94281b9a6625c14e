"""What an older version wrote is understood by this one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from core.services import audit

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = [("core", "0002_drift")], [("core", "0004_digests")]


def migrate(to: list[tuple[str, str]]) -> Any:
    """Bring the tables to a state, and answer the models as they were then."""
    executor = MigrationExecutor(connection)
    executor.migrate(to)
    return MigrationExecutor(connection).loader.project_state(to).apps


@pytest.fixture
def older() -> Iterator[Any]:
    """The models of the version before; the tables are brought back to now at the end."""
    try:
        yield migrate(BEFORE)
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
        # As `migrate` does at its end: SQLite forgets the triggers of a table that is altered.
        audit.install()


class Past:
    """Rows as the version before wrote them: two releases of one target, and a service that was moved twice."""

    def __init__(self, apps: Any) -> None:
        self._apps = apps
        self.flavour = self.make("Flavour", name="acme")
        repository = self.make("Repository", flavour=self.flavour, name="acme/shop", source="git")
        recipe = self.make("Recipe", repository=repository, name="web", builder="host", platforms=["linux/amd64"])
        self.target = self.make("Target", recipe=recipe, branch="live", image="acme/shop:live")
        self.service = self.make("Service", target=self.target, name="shop", deployer="host")
        commit = self.make("Commit", repository=repository, hash="1" * 40)
        self.old, self.new = (
            self.make(
                "Release", fingerprint=name, target=self.target, commit=commit, image="i", digest=f"sha256:{name}"
            )
            for name in ("old", "new")
        )
        self.make("Deployment", service=self.service, release=self.old, job=self.job("deployment", "first"))
        second = self.job("deployment", "second")
        self.make("Deployment", service=self.service, release=self.new, previous=self.old, job=second)
        self.service.current = self.new
        self.service.save()

    def make(self, model: str, **fields: Any) -> Any:
        return self._apps.get_model("core", model).objects.create(**fields)

    def job(self, kind: str, fingerprint: str, state: str = "succeeded", **fields: Any) -> Any:
        names = {"kind": kind, "fingerprint": fingerprint, "exclusive": fingerprint, "title": fingerprint}
        return self.make("Job", flavour=self.flavour, state=state, level=0, **names, **fields)


def test_deployments_and_services_get_the_digests_that_their_releases_had(older: Any) -> None:
    Past(older)
    newer = migrate(AFTER)
    rows = newer.get_model("core", "Deployment").objects.order_by("pk")
    told = list(rows.values_list("digest", "previous_digest"))
    assert told == [("sha256:old", ""), ("sha256:new", "sha256:old")]
    service = newer.get_model("core", "Service").objects.get()
    assert (service.current_digest, service.position, service.target.rollout) == ("sha256:new", None, "together")


def test_publications_are_alone_with_their_target_from_then_on(older: Any) -> None:
    past = Past(older)
    done = past.job("release", "done", release=past.old)
    first, second = (past.job("release", name, "queued", release=past.new) for name in ("first", "second"))
    build = past.job("build", "build", "queued")
    job = migrate(AFTER).get_model("core", "Job")
    alone = f"target:{past.target.pk}"
    told = {row.pk: row.exclusive for row in job.objects.filter(pk__in=[done.pk, first.pk, second.pk, build.pk])}
    assert told == {done.pk: alone, first.pk: "first", second.pk: alone, build.pk: "build"}
