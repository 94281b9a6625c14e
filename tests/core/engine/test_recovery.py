"""Which runners are gone, where several containers have one host name."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from core import configuration
from core.engine import recovery
from core.models import Runner

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=30)


def test_a_runner_of_another_container_is_not_judged_by_the_processes_of_this_one(monkeypatch) -> None:
    """Its number is another process's here, or nobody's."""
    now = timezone.now()
    monkeypatch.setattr(recovery, "host", lambda: f"{socket.gethostname()} pid:[1]")
    recovery.register("theirs", now, LEASE)
    Runner.objects.update(boot="boot:1")
    monkeypatch.undo()
    recovery.register("ours", now, LEASE)
    recovery.take_up(configuration.current(), now)
    assert set(Runner.objects.filter(gone_at=None).values_list("name", flat=True)) == {"theirs", "ours"}


def test_a_runner_of_this_container_that_is_gone_is_known_at_once() -> None:
    now = timezone.now()
    recovery.register("gone", now, LEASE)
    Runner.objects.update(boot="boot:1")
    recovery.take_up(configuration.current(), now)
    assert not Runner.objects.filter(gone_at=None).exists()
