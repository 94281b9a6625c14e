"""The regular times."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule
from django_q.tasks import async_task

from core.engine import schedules
from core.engine.reconcile import stale_repositories
from core.models import Repository, Service
from core.services.scope import Scope
from tests.core import shop

pytestmark = pytest.mark.django_db


def looked_at(seconds_ago: float) -> Repository:
    repository = shop.declare()
    shop.look(repository, live="one")
    Repository.objects.update(looked_at=timezone.now() - timedelta(seconds=seconds_ago))
    later = timezone.now() + timedelta(hours=1)
    Repository.objects.update(next_look_at=later)
    repository.refresh_from_db()
    return repository


def test_a_repository_is_looked_at_when_its_interval_has_passed() -> None:
    repository = looked_at(121)
    assert schedules.poll_heads() == 1
    repository.refresh_from_db()
    assert repository.next_look_at <= timezone.now()
    assert schedules.poll_heads() == 0, "it was asked for already"


def test_a_repository_is_left_alone_before() -> None:
    looked_at(60)
    assert schedules.poll_heads() == 0


def test_one_that_is_due_a_moment_after_the_schedule_does_not_wait_for_its_next_run() -> None:
    looked_at(119.9)
    assert schedules.poll_heads() == 1


def test_one_that_does_not_answer_keeps_its_back_off() -> None:
    looked_at(600)
    Repository.objects.update(look_failures=3)
    assert schedules.poll_heads() == 0


def test_services_are_looked_at() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    Service.objects.update(next_observe_at=None)
    assert schedules.observe_services() == 1
    assert shop.service().next_observe_at


def test_a_sweep_has_everything_evaluated_again() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    assert schedules.sweep() == 1
    assert stale_repositories(Scope()) == [repository.pk]


def test_schedules_that_somebody_edited_stay_as_they_are() -> None:
    schedules.install()
    Schedule.objects.filter(name="Poll heads").update(minutes=7)
    schedules.install()
    assert Schedule.objects.get(name="Poll heads").minutes == 7
    assert Schedule.objects.count() == 4


def test_every_schedule_names_something_that_runs() -> None:
    schedules.install()
    for schedule in Schedule.objects.all():
        async_task(schedule.func, sync=True)
        module, _, name = schedule.func.rpartition(".")
        assert module == "core.engine.schedules"
        assert callable(getattr(schedules, name))


def test_schedules_that_have_stopped_are_told() -> None:
    schedules.install()
    now = timezone.now()
    assert schedules.late(now) == []
    assert schedules.late(now + timedelta(hours=2)) == [
        "Evaluate everything", "Look at services", "Poll heads", "Tidy up",
    ]  # fmt: skip
