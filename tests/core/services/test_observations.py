"""What follows of a look at a service: what is told, once, and what a look that came too late is worth."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.errors import RefusedError
from core.models import Flavour, Message, Service
from core.services import messages, news, observations, requests
from core.services.scope import Scope
from core.states import Health, JobState
from core.values import News, Observation
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def service() -> Service:
    """A service that runs its branch's head, of a flavour that tells somebody."""
    repository = shop.declare()
    Flavour.objects.update(notifiers=[["dummy", {}]])
    shop.look(repository, live="one")
    shop.run_all(repository)
    return shop.service()


def see(service: Service, minute: float, health: Health = Health.HEALTHY, *, drift: str = "") -> None:
    seen = Observation(digest=service.current_digest, health=health, detail="1 of 2 tasks running", drift=drift)
    observations.record(Service.objects.get(pk=service.pk), seen, NOW + timedelta(minutes=minute))


def told() -> list[News]:
    """What is told of services, beside their deployments."""
    rows = Message.objects.filter(key__startswith="notify:service-").order_by("pk")
    return [news.NEWS.validate_python(row.payload["news"]) for row in rows]


def test_that_it_is_unhealthy_and_well_again_is_one_conversation_of_two_messages(service: Service) -> None:
    see(service, 0, Health.UNHEALTHY)
    assert told() == []
    see(service, 1, Health.UNHEALTHY)
    see(service, 2, Health.UNHEALTHY)
    (said,) = told()
    assert (said.state, said.recovered, said.reason) == ("unhealthy", False, "1 of 2 tasks running")
    assert said.text == "shop is unhealthy. 1 of 2 tasks running"
    for minute in range(3, 9):
        see(service, minute)
    (said,) = told()
    assert (said.state, said.recovered) == ("healthy", True)
    assert said.text == "shop is well again, after 8 minutes"
    assert Message.objects.get(key__startswith="notify:service-").version == 2


def test_one_that_was_gone_and_runs_again_is_well_where_nobody_knows_its_health(service: Service) -> None:
    for minute, health in enumerate([Health.ABSENT] * 2 + [Health.UNKNOWN] * 6):
        see(service, minute, health)
    assert [said.state for said in told()] == ["healthy"]


def test_the_next_time_is_another_conversation(service: Service) -> None:
    for minute, health in enumerate([Health.UNHEALTHY] * 2 + [Health.HEALTHY] * 6 + [Health.UNHEALTHY] * 2):
        see(service, minute, health)
    assert [said.state for said in told()] == ["healthy", "unhealthy"]


def test_drift_is_told_once_and_again_only_after_it_was_gone_for_an_hour(service: Service) -> None:
    for minute in range(5):
        see(service, minute, drift="scaled from 1 to 2" if minute % 2 else "")
    (said,) = told()
    assert said.state == "drifted"
    assert said.text.startswith("shop has drifted: scaled from 1 to 2. It stays so until somebody puts it right")
    see(service, 65)
    see(service, 66, drift="scaled from 1 to 2")
    assert len(told()) == 2


def test_who_runs_harmlessly_tells_nobody(service: Service) -> None:
    Flavour.objects.update(harmless=True)
    see(service, 0, drift="scaled")
    assert told() == []


def test_what_was_seen_before_a_deployment_ended_counts_no_longer(service: Service) -> None:
    stale = Observation(digest="sha256:old", health=Health.UNHEALTHY, drift="scaled")
    Service.objects.update(next_observe_at=NOW)
    (before,) = observations.claim(NOW, Scope(), limit=1)
    requests.redeploy(service, factories.make_user())
    shop.run_all(service.target.recipe.repository)
    observations.record(before, stale, NOW)
    observations.record_failure(before, "no answer")
    assert (shop.service().observed_digest, shop.service().drift) == (service.current_digest, "")
    assert shop.service().observed_detail == ""
    (after,) = observations.claim(shop.service().next_observe_at, Scope(), limit=1)
    observations.record(after, stale, NOW)
    assert shop.service().observed_digest == "sha256:old"


def test_while_it_is_moved_nothing_is_told_of_it(service: Service) -> None:
    requests.redeploy(service, factories.make_user())
    shop.claim()
    for minute in range(3):
        see(service, minute, Health.UNHEALTHY, drift="scaled")
    assert told() == []
    assert messages.claim(timezone.now(), timedelta(seconds=30), limit=100), "but of the deployment"


def test_put_right_is_for_what_has_drifted_and_one_at_a_time(service: Service) -> None:
    ann = factories.make_user("ann")
    with pytest.raises(RefusedError, match="has no drift"):
        requests.put_right(service, ann)
    see(service, 0, drift="scaled from 1 to 2")
    job = requests.put_right(service, ann, reason="it was me")
    assert (job.deployment_of.drift, job.deployment_of.asked_by, job.deployment_of.digest) == (
        "scaled from 1 to 2",
        ann,
        service.current_digest,
    )
    with pytest.raises(RefusedError, match="has to end first"):
        requests.put_right(service, ann)
    repository = service.target.recipe.repository
    shop.settle(repository)
    assert (shop.service().status, shop.service().reason) == ("waiting", "its drift is put right")
    (claimed,) = shop.claim()
    assert claimed == job
    shop.finish(claimed)
    shop.settle(repository)
    assert (shop.service().status, shop.service().drift) == ("done", "")


def test_after_a_newer_release_failed_the_one_that_runs_is_put_right_and_the_newer_can_be_tried_again(
    service: Service,
) -> None:
    repository, ann = service.target.recipe.repository, factories.make_user("ann")
    shop.look(repository, live="two")
    shop.run_all(repository, deployment="it is not healthy")
    see(service, 0, drift="scaled from 1 to 2")
    put_right = requests.put_right(shop.service(), ann)
    shop.settle(repository)
    (claimed,) = shop.claim()
    assert claimed == put_right
    shop.finish(claimed)
    shop.settle(repository)
    assert (shop.live(), shop.service().status) == ("one", "failed")
    again = requests.redeploy(shop.service(), ann)
    assert again.deployment_of.release.commit.hash == shop.hash_of("two")
    shop.run_all(repository)
    assert (shop.live(), shop.service().status) == ("two", "done")


def test_an_image_that_another_release_of_the_commit_made_too_is_tried_by_who_asks(service: Service) -> None:
    """An input moved and came to the same digest: the mark holds, and whoever deploys it again gets the new release."""
    repository, ann = service.target.recipe.repository, factories.make_user("ann")
    shop.look(repository, live="two")
    shop.settle(repository)
    while claimed := shop.claim():
        for job in claimed:
            state = JobState.FAILED if job.kind == "deployment" else JobState.SUCCEEDED
            shop.finish(job, state, value=shop.DIGEST, reason="not well" if state is JobState.FAILED else "")
        shop.settle(repository)
    failed = service.deployments.latest("pk")
    failed.unhealthy = "not well"
    failed.save()
    shop.declare(shop.flavour(platforms=("linux/amd64", "linux/arm64")))
    shop.settle(repository)
    while claimed := shop.claim():
        for job in claimed:
            shop.finish(job, value=shop.DIGEST)
        shop.settle(repository)
    assert shop.service().status == "failed"
    assert shop.service().reason.startswith("it did not stay healthy with this image")
    again = requests.redeploy(shop.service(), ann, reason="it was the network")
    assert again.deployment_of.release != failed.release
    assert again.deployment_of.asked_by == ann
    shop.settle(repository)
    shop.run_all(repository)
    assert (shop.live(), shop.service().status) == ("two", "done")
