"""Going back, going forward again, and looking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Activity, Deployment, Job, Rollback, Service
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def service():
    """A service that runs its branch's head, and ran something else before."""
    service = factories.make_service("shop")
    head = factories.make_commit(repository=service.target.recipe.repository)
    factories.make_ref("live", commit=head)
    factories.make_deployment(service=service, release=factories.make_release(target=service.target))
    factories.make_deployment(service=service, release=factories.make_release(target=service.target, commit=head))
    return service


def test_a_builder_has_a_service_go_back_and_forward_again(service, builder):
    old = service.deployments.order_by("pk")[0].release
    answer = builder.post(f"services/{service.pk}/roll-back", release=old.pk, reason="it leaks")
    assert answer.status_code == 200
    assert answer.json()["rollback"]["release"]["digest"] == old.digest
    assert answer.json()["rollback"]["asked_by"] == "bert"
    answer = builder.post(f"services/{service.pk}/lift-rollback", reason="mended")
    assert answer.json()["rollback"] is None
    assert Rollback.objects.get().lifted_at
    assert [each.reason for each in Activity.objects.order_by("pk")] == ["it leaks", "mended"]


def test_a_rollback_needs_a_reason_and_a_release(service, builder, is_problem):
    path = f"services/{service.pk}/roll-back"
    old = service.deployments.order_by("pk")[0].release
    assert is_problem(builder.post(path, release=old.pk), 422, "reason")
    assert is_problem(builder.post(path, reason="x"), 422, "release")
    assert is_problem(builder.post(path, release=10**30, reason="x"), 404, "There is no such release.")
    assert is_problem(builder.post(path, release=factories.make_release().pk, reason="x"), 409, "never published")
    assert not Rollback.objects.exists()


def test_a_builder_has_drift_put_right(service, builder, viewer, is_problem):
    path = f"services/{service.pk}/put-right"
    assert is_problem(builder.post(path), 409, "has no drift")
    Service.objects.update(observed_digest="sha256:other", observed_at=timezone.now())
    assert is_problem(viewer.post(path), 403, "role builder")
    answer = builder.post(path, reason="it was a test")
    assert answer.status_code == 201
    deployment = Deployment.objects.latest("pk")
    assert (deployment.job.pk, deployment.digest) == (answer.json()["id"], service.current_digest)
    assert (deployment.asked_by.get_username(), deployment.asked_why) == ("bert", "it was a test")
    assert Activity.objects.latest("pk").verb == "asked to put right"


def test_what_a_service_was_not_well_with_is_told_and_lifted_by_who_deploys_it_again(service, builder):
    head = service.deployments.latest("pk")
    Deployment.objects.filter(pk=head.pk).update(unhealthy="it answered 503")
    Job.objects.filter(pk=head.job.pk).update(state="failed")
    told = builder.get(f"services/{service.pk}").json()["unhealthy"]
    assert [(each["deployment"], each["found"]) for each in told] == [(head.pk, "it answered 503")]
    assert builder.get(f"releases/{head.release_id}").json()["unhealthy"] == [service.pk]
    assert builder.post(f"services/{service.pk}/redeploy", reason="again").status_code == 201
    assert builder.get(f"services/{service.pk}").json()["unhealthy"] == []
    lifted = builder.get(f"deployments/{head.pk}").json()
    assert (lifted["unhealthy"], lifted["lifted_by"]) == ("it answered 503", "bert")


def test_there_is_nothing_to_lift_without_a_rollback(service, builder, is_problem):
    assert is_problem(builder.post(f"services/{service.pk}/lift-rollback"), 409, "no rollback")


@pytest.mark.parametrize("action", ["roll-back", "lift-rollback"])
def test_only_who_has_the_role_moves_a_service(action, service, anybody, viewer, is_problem):
    release = service.deployments.order_by("pk")[0].release
    for person, words in ((anybody, "Sign in first"), (viewer, "role builder")):
        answer = person.post(f"services/{service.pk}/{action}", release=release.pk, reason="x")
        assert is_problem(answer, 403, words)
    assert not Rollback.objects.exists()


def test_a_builder_has_a_repository_looked_at(builder, viewer, is_problem):
    repository = factories.make_repository("acme/shop", next_look_at=timezone.now() + timedelta(hours=1))
    assert is_problem(viewer.post(f"repositories/{repository.pk}/look"), 403, "role builder")
    answer = builder.post(f"repositories/{repository.pk}/look", reason="a webhook was lost")
    assert answer.status_code == 202
    repository.refresh_from_db()
    assert repository.next_look_at <= timezone.now()
    assert str(Activity.objects.get()) == "bert asked for a look at acme/shop"


def test_nobody_looks_at_a_retired_repository(builder, is_problem):
    repository = factories.make_repository(retired_at=timezone.now())
    assert is_problem(builder.post(f"repositories/{repository.pk}/look"), 409, "is retired")


def test_what_was_decided_about_something_else_is_not_done(service, anybody, builder, is_problem):
    old = service.deployments.order_by("pk")[0].release
    stood = anybody.get(f"services/{service.pk}/standing").json()["standing"]
    for_old = anybody.get(f"services/{service.pk}/standing", release=old.pk).json()["standing"]
    assert stood != for_old
    path = f"services/{service.pk}/roll-back"
    assert is_problem(builder.post(path, release=old.pk, reason="x", standing=stood), 409, "has moved on")
    factories.make_deployment(service=service, release=service.deployments.first().release)
    assert is_problem(builder.post(path, release=old.pk, reason="x", standing=for_old), 409, "has moved on")
    assert is_problem(builder.post(f"services/{service.pk}/redeploy", standing=stood), 409, "has moved on")
    assert not Rollback.objects.exists()
    now = anybody.get(f"services/{service.pk}/standing").json()["standing"]
    assert builder.post(f"services/{service.pk}/redeploy", standing=now).status_code == 201
    now = anybody.get(f"services/{service.pk}/standing", release=old.pk).json()["standing"]
    assert builder.post(path, release=old.pk, reason="x", standing=now).status_code == 200


def test_nothing_stands_where_there_is_no_service_or_release(service, anybody, is_problem):
    assert is_problem(anybody.get("services/999999/standing"), 404, "no such service")
    assert is_problem(anybody.get(f"services/{service.pk}/standing", release=999999), 404, "no such release")
