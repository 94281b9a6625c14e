"""The pages without a browser: what they show, to whom, and at what cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.models import Activity, Flavour, Job, Release, Repository, Service
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.services import declarations, facts, flavours, heads, jobs
from core.states import JobState, Level, RefKind
from core.values import Commit, Head, Heads, Pool, PoolWorker
from tests import factories
from tests.core import shop
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def builder(client: Client) -> User:
    """Somebody who may start and stop work, logged in."""
    user = User.objects.create_user("ann", password="x")
    Flavour.objects.update(admins=["ann"])
    client.force_login(user)
    return user


@pytest.fixture
def repository() -> Repository:
    """A repository whose service runs the second of two commits, and a branch with a bad name and a failed build."""
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    evil = Head(
        ref=f"refs/heads/{EVIL}",
        kind=RefKind.BRANCH,
        commit=Commit(hash="e" * 40, message=EVIL, author=EVIL),
        trusted=True,
    )
    live = Head(ref="refs/heads/live", kind=RefKind.BRANCH, commit=Commit(hash=shop.hash_of("two")), trusted=True)
    heads.record(repository, Heads(heads=(live, evil)), timezone.now())
    shop.run_all(repository, build=f"it does not build {EVIL}")
    return repository


def every_page(repository: Repository) -> list[str]:
    service, release = Service.objects.get(), Release.objects.order_by("pk").first()
    assert release
    job = Job.objects.get(state=JobState.FAILED)
    return [
        "/",
        f"/repositories/{repository.pk}/",
        f"/repositories/{repository.pk}/diagram.svg",
        "/flavours/acme/",
        "/flavours/acme/diagram.svg",
        f"/services/{service.pk}/",
        f"/builds/{job.build_id}/",
        f"/releases/{release.pk}/",
        f"/deployments/{service.deployments.first().pk}/",
        "/jobs/",
        f"/jobs/{job.pk}/",
        f"/jobs/{job.pk}/log",
        "/activity/",
        "/settings/",
        "/plugins/",
        "/login/",
    ]


def test_everybody_may_look_and_nothing_from_outside_becomes_markup(client: Client, repository: Repository) -> None:
    for path in every_page(repository):
        answer = client.get(path)
        assert answer.status_code == 200, path
        if not answer.streaming:
            assert EVIL.encode() not in answer.content, path


def test_an_empty_deployer_says_how_to_begin(client: Client) -> None:
    text = client.get("/").content.decode()
    assert "Nothing is declared yet" in text
    assert "No runner is alive" in text


def test_a_repository_that_does_not_answer_is_told_first(client: Client, repository: Repository) -> None:
    heads.record_failure(repository, f"no route to host {EVIL}", timezone.now())
    text = client.get("/").content.decode()
    assert "no route to host &lt;script&gt;" in text


def test_whoever_is_not_logged_in_is_asked_to_log_in(client: Client, repository: Repository) -> None:
    job, service = Job.objects.first(), Service.objects.get()
    assert job
    for path in (f"/jobs/{job.pk}/approve", f"/jobs/{job.pk}/cancel", f"/jobs/{job.pk}/again",
                 f"/services/{service.pk}/follow", f"/repositories/{repository.pk}/look"):  # fmt: skip
        answer = client.post(path)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login/"), path
    assert not Activity.objects.exclude(user=None).exists()


def test_whoever_has_no_role_is_refused_and_told_how_to_get_it(client: Client, repository: Repository) -> None:
    client.force_login(User.objects.create_user("bob"))
    job = Job.objects.first()
    assert job
    answer = client.post(f"/jobs/{job.pk}/again")
    assert answer.status_code == 403
    assert "deployer-builders" in answer.content.decode()
    assert b"Build again" not in client.get(f"/jobs/{job.pk}/").content


def test_actions_need_a_token_of_the_page(repository: Repository, builder: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(builder)
    job = Job.objects.first()
    assert job
    assert strict.post(f"/jobs/{job.pk}/again").status_code == 403


def test_the_order_in_which_services_move_is_shown(client: Client) -> None:
    repository = shop.declare(shop.flavour(services=("shop-2", "shop-1"), rollout="canary", soak=60))
    first, second = Service.objects.order_by("position")
    words = "canary: it moves before the 1 other, and is watched for 60 s after its move"
    assert words in client.get(f"/services/{first.pk}/").content.decode()
    assert "It moves after the canary shop-2" in client.get(f"/services/{second.pk}/").content.decode()
    page = client.get(f"/repositories/{repository.pk}/").content.decode()
    assert page.index(words) < page.index("it moves after the canary shop-2")


def test_together_no_order_is_shown(client: Client, repository: Repository) -> None:
    page = client.get(f"/services/{Service.objects.get().pk}/").content.decode()
    assert "<dt>Order</dt>" not in page


def test_a_job_is_approved_and_cancelled_with_a_reason(client: Client, repository: Repository, builder: User) -> None:
    flavours.configure(repository.flavour, harmless=False, threshold=Level.HARMLESS, lifts_at=None)
    shop.look(repository, live="three")
    shop.settle(repository)
    job = Job.objects.queued().get()
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "Approve" in page
    assert "Waits for approval" in page
    client.post(f"/jobs/{job.pk}/approve", {"reason": "it was looked at"})
    job.refresh_from_db()
    assert job.approved_by == builder
    client.post(f"/jobs/{job.pk}/cancel", {"reason": "on second thoughts"})
    job.refresh_from_db()
    assert (job.state, job.reason) == (JobState.CANCELLED, "on second thoughts")
    verbs = list(Activity.objects.filter(user=builder).order_by("pk").values_list("verb", "reason"))
    assert verbs == [("approved", "it was looked at"), ("cancelled", "on second thoughts")]


def test_what_is_not_possible_is_said_and_no_error(client: Client, repository: Repository, builder: User) -> None:
    job = Job.objects.filter(state=JobState.SUCCEEDED).first()
    assert job
    answer = client.post(f"/jobs/{job.pk}/cancel", follow=True)
    assert answer.status_code == 200
    assert "cannot be cancelled" in answer.content.decode()


def test_a_failed_build_is_built_again(client: Client, repository: Repository, builder: User) -> None:
    job = Job.objects.get(state=JobState.FAILED)
    answer = client.post(f"/jobs/{job.pk}/again")
    newer = Job.objects.queued().get()
    assert answer.headers["Location"] == f"/jobs/{newer.pk}/"
    assert newer.fingerprint == job.fingerprint


def test_a_rollback_says_what_will_happen_before_it_does(client: Client, repository: Repository, builder: User) -> None:
    service = Service.objects.get()
    old = Release.objects.get(commit__hash=shop.hash_of("one"))
    path = f"/services/{service.pk}/rollback/{old.pk}"
    page = client.get(path).content.decode()
    assert old.digest in page
    assert shop.live() == "two"
    client.post(path, {"reason": "two is slow"})
    shop.run_all(repository)
    assert shop.live() == "one"
    assert "two is slow" in client.get(f"/services/{service.pk}/").content.decode()
    client.post(f"/services/{service.pk}/follow")
    shop.run_all(repository)
    assert shop.live() == "two"


def test_a_service_is_locked_and_a_flavour_frozen_and_everybody_sees_it(
    client: Client, repository: Repository, builder: User
) -> None:
    service = Service.objects.get()
    page = client.post(f"/services/{service.pk}/lock", {"reason": EVIL, "hours": "4"}, follow=True).content.decode()
    assert "Locked by ann until " in page
    assert EVIL not in page
    assert "Lift the lock" in page
    assert "locked" in client.get("/?show=held").content.decode()
    client.post(f"/services/{service.pk}/unlock")
    assert "Lift the lock" not in client.get(f"/services/{service.pk}/").content.decode()
    page = client.post("/flavours/acme/freeze", {"reason": "holidays"}, follow=True).content.decode()
    assert "Flavour acme is frozen by ann: holidays" in page
    assert "Flavour acme is frozen by ann: holidays" in client.get("/").content.decode()
    client.post("/flavours/acme/unfreeze")
    assert "is frozen" not in client.get("/").content.decode()
    page = client.post(f"/services/{service.pk}/lock", {"reason": ""}, follow=True).content.decode()
    assert "say why" in page


def test_a_redeployment_says_what_will_happen_before_it_does(
    client: Client, repository: Repository, builder: User
) -> None:
    service = Service.objects.get()
    page = client.get(f"/services/{service.pk}/redeploy").content.decode()
    assert service.current
    assert service.current.digest in page
    assert not Job.objects.active().exists()
    answer = client.post(f"/services/{service.pk}/redeploy", {"reason": "it hangs"})
    assert answer.headers["Location"] == f"/jobs/{Job.objects.active().get().pk}/"


@pytest.mark.parametrize("query", ["", "?show=broken", "?show=fine", "?show=nonsense", "?flavour=acme", "?flavour=%00"])
def test_the_overview_shows_the_services_that_somebody_asks_for(
    client: Client, repository: Repository, query: str
) -> None:
    page = client.get("/" + query).content.decode()
    assert ('id="service-' in page) == (query != "?show=broken")


def test_a_look_is_asked_for(client: Client, repository: Repository, builder: User) -> None:
    Repository.objects.update(next_look_at=timezone.now() + timezone.timedelta(hours=1))
    client.post(f"/repositories/{repository.pk}/look")
    repository.refresh_from_db()
    assert repository.next_look_at <= timezone.now()


@pytest.mark.parametrize(
    "path",
    ["/jobs/9/", "/services/9/", "/repositories/9/", "/builds/9/", "/releases/9/", "/deployments/9/", "/jobs/9/log"],
)
def test_what_does_not_exist_is_not_found(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert b"There is nothing at this address" in answer.content


@pytest.mark.parametrize("query", ["?page=x", "?page=-1", "?page=99999", "?state=nonsense&kind=%00", "?q=%00%ff"])
def test_a_mistyped_address_shows_something_sensible(client: Client, repository: Repository, query: str) -> None:
    for path in ("/jobs/", f"/repositories/{repository.pk}/", "/activity/"):
        assert client.get(path + query).status_code == 200


def test_fifty_services_cost_as_many_queries_as_one(
    client: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    targets = [
        declaration.Target("live", f"acme/{number}:live", [declaration.Service(f"s{number}", Use("nowhere"))])
        for number in range(50)
    ]
    recipe = declaration.Recipe("web", Use("nothing"), targets=targets)
    declared = declaration.Flavour("acme", [declaration.Repository("acme/shop", Use("nobody"), [recipe])])
    declarations.apply(declared, "tests")
    repository = Repository.objects.get()
    shop.look(repository, live="one", **{f"b{number}": f"c{number}" for number in range(200)})
    shop.run_all(repository)
    with django_assert_max_num_queries(20):
        assert client.get("/").content.count(b'id="service-') == 50
    with django_assert_max_num_queries(25):
        client.get(f"/repositories/{repository.pk}/")
    with django_assert_max_num_queries(12):
        client.get("/jobs/")


def test_plugins_add_facts_to_a_service(client: Client, dummy: Dummy) -> None:
    dummy.facts["replicas"] = "3 of 3"
    recipe = declaration.Recipe(
        "web", Use("dummy"), targets=[declaration.Target("live", "a/b", [declaration.Service("shop", Use("dummy"))])]
    )
    declarations.apply(declaration.Flavour("acme", [declaration.Repository("a/b", Use("dummy"), [recipe])]), "tests")
    assert "shop: 3 of 3" in client.get(f"/services/{Service.objects.get().pk}/").content.decode()


def test_a_commit_leads_to_its_page_at_the_source(client: Client, dummy: Dummy) -> None:
    source = Use("dummy", page="https://git.example.org")
    declarations.apply(declaration.Flavour("acme", [declaration.Repository("acme/shop", source)]), "tests")
    repository = Repository.objects.get()
    shop.look(repository, main="one")
    text = client.get(f"/repositories/{repository.pk}/").content.decode()
    assert f'href="https://git.example.org/commit/{shop.hash_of("one")}"' in text


def test_the_log_is_nothing_but_text(client: Client, repository: Repository) -> None:
    job = Job.objects.first()
    assert job
    answer = client.get(f"/jobs/{job.pk}/log")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_all_services_are_listed_with_where_they_come_from(client: Client, repository: Repository) -> None:
    page = client.get("/services/").content.decode()
    service = Service.objects.get()
    for text in (
        f'<a href="/services/{service.pk}/">',
        f'<a href="/repositories/{repository.pk}/">',
        service.target.image,
    ):
        assert text in page


def test_no_service_is_said_kindly(client: Client) -> None:
    assert "No flavour is declared" in client.get("/services/").content.decode()


def test_where_builds_run_is_shown_with_what_the_builders_tell_of_their_machines(client: Client) -> None:
    assert "No build runs or waits now" in client.get("/pools/").content.decode()
    workers = (PoolWorker(name=EVIL, state="active", running=2), PoolWorker(name="elm", state="paused"))
    told = [
        Pool(name="linux-arm64", capacity=4, running=2, queued=7, workers=workers),
        Pool(name="linux-s390x", capacity=0, running=0, queued=3),
    ]
    facts.record_pools("ocluster", told, timezone.now())
    facts.record_pools_unknown("ocluster", "the scheduler is away")
    factories.make_job(pool="builder ocluster on linux-arm64")
    page = client.get("/pools/").content.decode()
    for text in (
        "ocluster on linux-arm64",
        "2 running",
        "elm",
        "paused",
        "no worker is known",
        "the scheduler is away",
    ):
        assert text in page
    assert EVIL not in page
    found = client.get("/api/pools").json()
    assert found["own"][0]["queued"] == 1
    assert found["told"][0]["pools"][0]["workers"][1] == {"name": "elm", "state": "paused", "running": None}


def test_it_is_ready_when_a_runner_is_alive(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert client.get("/readyz").status_code == 503
    from core.services import runners

    runners.register("r", "here", 1, "boot", timezone.now())
    assert client.get("/readyz").json()["ready"] is True


def test_a_withdrawn_job_says_why(client: Client, repository: Repository) -> None:
    shop.look(repository, live="three")
    shop.settle(repository)
    job = Job.objects.queued().get()
    jobs.withdraw(job.pk, "it is not wanted any more")
    assert "it is not wanted any more" in client.get(f"/jobs/{job.pk}/").content.decode()
