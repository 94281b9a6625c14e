"""What is told of deployments, to notifiers and to the source of the commit."""

from __future__ import annotations

import pytest

from core.models import Deployment, Flavour, Job, Message, Repository, Service
from core.services import approvals, jobs, messages, news, requests
from core.states import JobState, Level
from core.values import DeploymentStatus, News
from tests import factories
from tests.core import shop
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(dummy: Dummy) -> Repository:
    """A repository whose flavour has a notifier, and whose source listens."""
    row = shop.declare()
    Flavour.objects.update(notifiers=[["dummy", {"channel": "#ops"}]], base_url="https://deploy.example.org/")
    Service.objects.update(uri="https://shop.example.org")
    Repository.objects.update(source="dummy", options={})
    return Repository.objects.get(pk=row.pk)


def deployed(repository: Repository, commit: str, **failing: str) -> Deployment:
    """Push a commit and let everything run to its end."""
    shop.look(repository, live=commit)
    shop.settle(repository)
    shop.run_all(repository, **failing)
    return Deployment.objects.latest("pk")


def told(deployment: Deployment) -> News:
    """What a notifier would hear last."""
    return news.NEWS.validate_python(Message.objects.get(key=f"notify:{deployment.pk}:0:dummy").payload["news"])


def test_a_deployment_is_told_from_its_beginning_to_its_end_under_one_key(repository: Repository) -> None:
    shop.look(repository, live="one")
    shop.settle(repository)
    while not Deployment.objects.exists():
        for job in shop.claim():
            shop.finish(job)
        shop.settle(repository)
    deployment = Deployment.objects.get()
    assert (told(deployment).state, told(deployment).waiting) == ("queued", False)
    (job,) = shop.claim()
    assert told(deployment).state == "running"
    shop.finish(job)
    assert told(deployment).state == "succeeded"
    assert Message.objects.filter(recipient="notifier").count() == 1


def test_news_say_everything_that_a_message_is_made_of(repository: Repository) -> None:
    deployment = deployed(repository, "one", deployment="it is not healthy")
    said = told(deployment)
    assert said.text == f"Deploy {shop.hash_of('one')[:10]} as shop: failed. it is not healthy"
    assert (said.service, said.repository, said.reason) == ("shop", "acme/shop", "it is not healthy")
    assert said.commit is not None
    assert said.commit.title == "Commit one"
    assert said.url == f"https://deploy.example.org/jobs/{deployment.job_id}/"
    assert said.service_url == f"https://deploy.example.org/services/{deployment.service_id}/"
    assert said.uri == "https://shop.example.org"
    assert said.image == f"acme/shop:live@{deployment.digest}"
    assert said.started_at is not None
    assert said.finished_at is not None


def test_the_probable_cause_is_told_with_the_reason(repository: Repository) -> None:
    deployment = factories.make_deployment(service=Service.objects.get(), state=JobState.FAILED)
    deployment.job.reason, deployment.job.cause = "it exited with status 137.", "It ran out of memory"
    news.of_deployment(deployment.job)
    assert told(deployment).reason == "it exited with status 137. Probable cause: It ran out of memory"


def test_success_after_a_failure_is_a_recovery(repository: Repository) -> None:
    first = deployed(repository, "one", deployment="it is not healthy")
    second = deployed(repository, "two")
    third = deployed(repository, "three")
    assert [told(each).recovered for each in (first, second, third)] == [False, True, False]


def test_what_waits_for_approval_is_told_as_such(repository: Repository) -> None:
    Flavour.objects.update(threshold=Level.DANGEROUS)
    shop.look(repository, live="one")
    shop.settle(repository)
    for _ in range(3):
        for job in Job.objects.queued().exclude(kind="deployment"):
            approvals.approve(job, factories.make_user())
        for job in shop.claim():
            shop.finish(job)
        shop.settle(repository)
    said = told(Deployment.objects.get())
    assert (said.state, said.waiting) == ("queued", True)
    assert "waits for approval" in said.text


def test_what_something_newer_took_the_place_of_is_told_from_what_a_person_cancelled(repository: Repository) -> None:
    job = factories.make_deployment(service=Service.objects.get(), state=JobState.QUEUED).job
    jobs.withdraw(job.pk, "superseded by two")
    assert told(job.deployment_of).withdrawn
    other = factories.make_deployment(service=Service.objects.get(), state=JobState.QUEUED).job
    jobs.cancel(other, factories.make_user(), reason="not now")
    assert not told(other.deployment_of).withdrawn


def test_a_service_may_have_further_people_told(repository: Repository) -> None:
    Service.objects.update(notifiers=[["dummy", {"channel": "#shop"}]])
    deployment = deployed(repository, "one")
    rows = Message.objects.filter(key__startswith=f"notify:{deployment.pk}:").order_by("key")
    assert [row.payload["options"]["channel"] for row in rows] == ["#ops", "#shop"]


def test_a_harmless_flavour_tells_nobody(repository: Repository) -> None:
    Flavour.objects.update(harmless=True)
    deployed(repository, "one")
    assert not Message.objects.exists()


def test_who_asked_for_a_rollback_is_told(repository: Repository) -> None:
    first = deployed(repository, "one")
    deployed(repository, "two")
    alice = factories.make_user("alice")
    requests.roll_back(first.service, first.release, alice, reason="it is slow")
    shop.settle(repository)
    said = told(Deployment.objects.latest("pk"))
    assert (said.rollback, said.asked_by) == (True, "alice")
    assert said.text.startswith("Roll back to")


# To the source


def at_source(deployment: Deployment) -> DeploymentStatus:
    status = messages.read_status(Message.objects.get(key=f"deployment:{deployment.pk}").payload)
    assert isinstance(status, DeploymentStatus)
    return status


def test_the_source_is_told_what_is_live_where(repository: Repository) -> None:
    deployment = deployed(repository, "one")
    status = at_source(deployment)
    assert (status.id, status.state, status.environment) == (str(deployment.pk), "success", "shop")
    assert (status.commit, status.ref) == (shop.hash_of("one"), "live")
    assert status.environment_url == "https://shop.example.org"
    assert status.url == f"https://deploy.example.org/jobs/{deployment.job_id}/"


@pytest.mark.parametrize(
    ("state", "told"),
    [(JobState.FAILED, "failure"), (JobState.CANCELLED, "inactive"), (JobState.RUNNING, "running")],
)
def test_how_far_a_deployment_has_come_is_told_in_few_words(repository: Repository, state: str, told: str) -> None:
    deployment = factories.make_deployment(service=Service.objects.get(), state=JobState(state))
    news.of_deployment(deployment.job)
    assert at_source(deployment).state == told


def test_news_of_another_version_are_read_without_what_it_alone_knows() -> None:
    plain = {"flavour": "acme", "key": "deployment-1", "state": "succeeded", "text": "live"}
    assert news.NEWS.validate_python({**plain, "mood": "cheerful"}) == News(**plain)
    commit = {"hash": "1" * 40, "message": "First", "author": "ann", "colour": "red"}
    read = news.NEWS.validate_python({**plain, "commit": commit}).commit
    assert read is not None
    assert read.hash == "1" * 40
    status = {
        "id": "1",
        "commit": "1" * 40,
        "ref": "live",
        "environment": "shop",
        "state": "success",
        "mood": "cheerful",
    }
    assert messages.read_status({"deployment": status}).state == "success"
