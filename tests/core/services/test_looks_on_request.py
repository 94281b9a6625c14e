"""A person asks for a look at a repository, or for an input to be read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.errors import RefusedError
from core.models import Activity
from core.services import requests
from tests import factories

pytestmark = pytest.mark.django_db


def later() -> object:
    return timezone.now() + timedelta(hours=1)


def test_a_look_that_was_asked_for_is_due_at_once_and_recorded():
    repository = factories.make_repository("acme/shop", next_look_at=later())
    requests.look(repository, User.objects.create_user("anna"), reason="a webhook was lost")
    repository.refresh_from_db()
    assert repository.next_look_at <= timezone.now()
    assert str(Activity.objects.get()) == "anna asked for a look at acme/shop"


def test_a_retired_repository_is_not_looked_at():
    with pytest.raises(RefusedError, match="is retired"):
        requests.look(factories.make_repository(retired_at=timezone.now()), User.objects.create_user("anna"))


def test_an_input_that_was_asked_for_is_due_at_once_and_recorded():
    input = factories.make_input("opam", next_read_at=later())
    requests.read(input, User.objects.create_user("anna"))
    input.refresh_from_db()
    assert input.next_read_at <= timezone.now()
    assert str(Activity.objects.get()) == "anna asked to read opam"


def test_a_retired_input_is_not_read():
    with pytest.raises(RefusedError, match="is retired"):
        requests.read(factories.make_input(retired_at=timezone.now()), User.objects.create_user("anna"))
