"""Webhooks that arrived: remembered once, answered by looks, and what people asked for by them done."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models import Activity, Delivery, Job, Repository
from core.services import deliveries
from core.states import JobState
from core.values import Asked
from core.values import Delivery as Told
from tests import factories

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def receive(*look: str, id: str = "", **about: object) -> tuple[str, list[str]]:
    row, found = deliveries.receive("github", Told(id=id, event="push", look=look, **about), NOW)
    return row.outcome, [each.name for each in found]


@pytest.fixture
def repository() -> Repository:
    later = timezone.now() + timedelta(hours=1)
    return factories.make_repository(name="acme/shop", source="github", next_look_at=later)


def is_due(repository: Repository) -> bool:
    repository.refresh_from_db()
    return repository.next_look_at <= timezone.now()


def test_names_are_the_same_in_large_and_small_letters(repository: Repository) -> None:
    assert receive("Acme/SHOP") == ("looked at acme/shop", ["acme/shop"])
    assert is_due(repository)


def test_one_that_comes_ten_times_does_nothing_nine_times(repository: Repository) -> None:
    receive("acme/shop", id="one")
    Repository.objects.update(next_look_at=timezone.now() + timedelta(hours=1))
    for _ in range(9):
        assert receive("acme/shop", id="one")[1] == []
    assert not is_due(repository)
    assert Delivery.objects.get().count == 10


def test_the_same_id_of_two_sources_are_two(repository: Repository) -> None:
    receive("acme/shop", id="one")
    deliveries.receive("git", Told(id="one"), NOW)
    assert Delivery.objects.count() == 2


def test_those_without_an_id_are_all_new(repository: Repository) -> None:
    for _ in range(3):
        receive("acme/shop")
    assert Delivery.objects.count() == 3


def test_a_repository_is_found_by_the_name_that_it_has_at_its_source(repository: Repository) -> None:
    Repository.objects.update(renamed_to="acme/store")
    assert receive("acme/store")[1] == ["acme/shop"]


def test_every_flavour_that_declares_a_repository_looks_at_it(repository: Repository) -> None:
    factories.make_repository(name="acme/shop", source="github")
    assert receive("acme/shop")[1] == ["acme/shop", "acme/shop"]


def test_others_are_left_alone(repository: Repository) -> None:
    factories.make_repository(name="acme/shop", source="git")
    factories.make_repository(name="acme/other", source="github")
    factories.make_repository(name="acme/shop", source="github", retired_at=NOW)
    assert receive("acme/shop")[1] == ["acme/shop"]


def test_all_of_a_source_may_be_meant(repository: Repository) -> None:
    factories.make_repository(name="acme/other", source="github")
    factories.make_repository(name="acme/third", source="git")
    assert sorted(receive(everything=True)[1]) == ["acme/other", "acme/shop"]


def test_what_leads_to_nothing_says_so(repository: Repository) -> None:
    assert receive()[0] == "ignored: push"
    assert receive("acme/unknown")[0] == "no repository of this name is declared"
    assert deliveries.receive("git", Told(), NOW)[0].outcome == "there was nothing to do"
    assert (
        deliveries.receive("git", Told(everything=True), NOW)[0].outcome == "no repository of this source is declared"
    )


def test_where_very_many_are_named_all_of_the_source_are_looked_at(repository: Repository) -> None:
    """An app may be installed for thousands of repositories at once."""
    factories.make_repository(name="acme/other", source="github")
    assert sorted(receive(*(f"acme/r{number}" for number in range(3000)))[1]) == ["acme/other", "acme/shop"]
    assert receive(*(f"acme/r{number}" for number in range(99)), "acme/shop")[1] == ["acme/shop"]


@given(st.text(st.characters(), max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
def test_whatever_a_webhook_says_can_be_kept(repository: Repository, text: str) -> None:
    """A NUL, half a surrogate, more than fits: what anybody may write in a payload."""
    asked = Asked(verb="rebuild", repository=text, commit=text, person=text)
    row, _ = deliveries.receive("github", Told(id=text, event=text, sender=text, look=(text,), asked=(asked,)), NOW)
    deliveries.carry_out()
    row.refresh_from_db()
    assert row.done_at is not None
    assert not {"\0", "\ud800"} & set(row.event + row.key + row.repositories[0])
    deliveries.refuse("github", text, NOW)


def test_old_ones_are_forgotten_and_what_is_to_be_done_never(repository: Repository) -> None:
    factories.make_delivery(received_at=NOW - timedelta(days=31))
    factories.make_delivery(received_at=NOW - timedelta(days=31), done_at=None)
    factories.make_delivery(received_at=NOW - timedelta(days=29))
    assert deliveries.forget_old(NOW) == 1
    assert Delivery.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_that_arrive_at_once_one_counts(repository: Repository) -> None:
    found: list[int] = []

    def one() -> None:
        try:
            found.append(len(receive("acme/shop", id="one")[1]))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 0, 0, 1]
    assert Delivery.objects.get().count == 4


# What people asked for


def asked(verb: str, job: Job, person: str = "github:alice") -> str:
    """Somebody presses a button; answer what it led to."""
    assert job.commit
    what = Asked(verb=verb, repository="Acme/Shop", commit=job.commit.hash, person=person)
    row, _ = deliveries.receive("github", Told(event="check_run", asked=(what,)), NOW)
    assert row.done_at is None
    assert deliveries.carry_out() == 1
    row.refresh_from_db()
    assert row.done_at is not None
    return row.outcome


def built(repository: Repository, state: JobState) -> Job:
    commit = factories.make_commit(repository=repository)
    return factories.make_job(build=factories.make_build(commit=commit), state=state)


def test_a_failed_build_is_built_again_and_who_asked_is_recorded(repository: Repository) -> None:
    job = built(repository, JobState.FAILED)
    assert asked("rebuild", job) == "rebuilt 1 build for github:alice"
    again = Job.objects.latest("pk")
    assert (again.state, again.fingerprint) == (JobState.QUEUED, job.fingerprint)
    done = Activity.objects.filter(verb="asked again for").get()
    assert str(done.user) == "github:alice"
    assert done.reason == "asked for at github by github:alice"
    assert not User.objects.get(username="github:alice").is_active


def test_builds_that_succeeded_are_built_again_only_where_none_failed(repository: Repository) -> None:
    commit = factories.make_commit(repository=repository)
    failed = factories.make_job(build=factories.make_build(commit=commit), state=JobState.FAILED)
    factories.make_job(build=factories.make_build(commit=commit), state=JobState.SUCCEEDED)
    assert asked("rebuild", failed) == "rebuilt 1 build for github:alice"
    # Pressed once more, or at the suite as well: what goes on is not joined by what had succeeded.
    assert asked("rebuild", failed) == "rebuilt no builds for github:alice"
    assert Job.objects.count() == 3


def test_where_all_succeeded_all_are_built_again(repository: Repository) -> None:
    commit = factories.make_commit(repository=repository)
    jobs = [factories.make_job(build=factories.make_build(commit=commit), state=JobState.SUCCEEDED) for _ in range(2)]
    assert asked("rebuild", jobs[0]) == "rebuilt 2 builds for github:alice"


def test_builds_that_go_on_are_cancelled(repository: Repository) -> None:
    job = built(repository, JobState.QUEUED)
    assert asked("cancel", job) == "cancelled 1 build for github:alice"
    job.refresh_from_db()
    assert (job.state, job.cancelled_by_person) == (JobState.CANCELLED, True)


def test_what_cannot_be_done_is_told(repository: Repository) -> None:
    job = built(repository, JobState.FAILED)
    asked("rebuild", job)
    assert asked("rebuild", job) == "rebuilt no builds for github:alice"
    for name, said in (
        ("acme/shop", "nothing is known of commit 1111111111 of acme/shop"),
        ("acme/unknown", "no repository of this name is declared"),
    ):
        what = Asked(verb="rebuild", repository=name, commit="1" * 40, person="github:alice")
        deliveries.receive("github", Told(asked=(what,)), NOW)
        deliveries.carry_out()
        assert Delivery.objects.latest("pk").outcome == said


def test_nothing_is_done_for_a_retired_repository(repository: Repository) -> None:
    job = built(repository, JobState.FAILED)
    Repository.objects.update(retired_at=NOW)
    assert asked("rebuild", job) == "no repository of this name is declared"
    assert not User.objects.filter(username="github:alice").exists()


def test_one_that_cannot_be_carried_out_holds_up_no_other(repository: Repository) -> None:
    job = built(repository, JobState.FAILED)
    assert job.commit
    broken = factories.make_delivery(asked=[{"verb": "of another version"}], done_at=None)
    what = Asked(verb="rebuild", repository="acme/shop", commit=job.commit.hash, person="github:alice")
    deliveries.receive("github", Told(asked=(what,)), NOW)
    assert deliveries.carry_out() == 2
    broken.refresh_from_db()
    assert broken.outcome == "it failed: the runner's log says why"
    assert Job.objects.count() == 2


def test_who_logged_in_before_is_the_one_who_asked(repository: Repository) -> None:
    alice = factories.make_user("github:alice")
    asked("rebuild", built(repository, JobState.FAILED))
    assert Activity.objects.get(verb="asked again for").user == alice


def test_it_is_done_once(repository: Repository) -> None:
    asked("rebuild", built(repository, JobState.FAILED))
    assert deliveries.carry_out() == 0
