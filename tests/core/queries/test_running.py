"""What every service runs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.models import Service
from core.queries import running
from core.services.scope import Scope
from core.states import Health
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_service_that_was_deployed_tells_its_release():
    service = factories.make_service("shop", host="here", status="done")
    deployment = factories.make_deployment(service=service)
    [now] = running.services(Scope())
    assert now.full_name == "shop@here"
    assert now.runs is not None
    assert (now.runs.digest, now.runs.commit) == (deployment.release.digest, deployment.release.commit.hash)
    assert now.runs.since is not None
    assert (now.status, now.reason, now.rollback) == ("done", "", None)


def test_a_service_that_was_never_evaluated_says_so():
    factories.make_service()
    [now] = running.services(Scope())
    assert now.runs is None
    assert now.health is Health.UNKNOWN
    assert "not evaluated yet" in now.reason


def test_a_rollback_in_force_is_told_with_who_asked_and_why():
    service = factories.make_service()
    old = factories.make_rollback(service=service, lifted_at=timezone.now(), reason="old")
    new = factories.make_rollback(
        service=service, release=old.release, reason="it leaks", asked_by=User.objects.create_user("anna")
    )
    [now] = running.services(Scope())
    assert now.rollback is not None
    assert (now.rollback.asked_by, now.rollback.reason) == ("anna", "it leaks")
    assert now.rollback.release.id == new.release.pk


def test_drift_is_told():
    service = factories.make_service()
    factories.make_deployment(service=service)
    Service.objects.update(observed_digest=factories.digest_of("other"), observed_at=timezone.now())
    assert running.service(service.pk).drift


def test_what_is_retired_is_not_listed_and_can_still_be_read():
    service = factories.make_service(retired_at=timezone.now())
    assert running.services(Scope()) == []
    assert running.service(service.pk).name == service.name


def test_a_scope_leaves_out_what_others_look_after():
    mine, _ = factories.make_service(), factories.make_service()
    repository = mine.target.recipe.repository
    assert [each.id for each in running.services(Scope(repository.flavour.name))] == [mine.pk]
    assert [each.id for each in running.services(Scope("", repository.name))] == [mine.pk]


def test_a_hundred_services_cost_as_many_queries_as_one(django_assert_num_queries):
    target = factories.make_target()
    for _ in range(100):
        factories.make_rollback(
            service=factories.make_service(target=target), release=factories.make_release(target=target)
        )
    with django_assert_num_queries(7):
        assert len(running.services(Scope())) == 100
