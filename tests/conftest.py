"""Fixtures and profiles of all tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase
from hypothesis import settings as hypothesis_settings

from core import incidents, measures, secrets
from core.plugins import plugins
from core.services import audit
from tests import again, hung_swarm
from tests.dummy_plugin.hooks import Dummy

pytest_runtest_call = hung_swarm.pytest_runtest_call
pytest_terminal_summary = again.pytest_terminal_summary

# A deadline would measure the machine.
hypothesis_settings.register_profile("default", max_examples=50, deadline=None)
hypothesis_settings.register_profile("slow", max_examples=3000, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


_emptied = TransactionTestCase._fixture_teardown


def _emptied_all_the_same(case: TransactionTestCase) -> None:
    """After a test that commits all tables are emptied, those too whose rows are never deleted, and keys begin at 1."""
    with audit.forgetting():
        _emptied(case)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("delete from sqlite_sequence")


TransactionTestCase._fixture_teardown = _emptied_all_the_same  # type: ignore[method-assign]


#: Where tests start many processes; the longest ones come first.
_HEAVY = ("tests/chaos/", *again.WHOLE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that start many processes evenly between the others: all at once they would wait for one another until
    they are given up. Each worker of pytest-xdist begins with a part of the whole in this order."""
    again.marked(items)
    heavy = [item for item in items if item.nodeid.startswith(_HEAVY)]
    heavy.sort(key=lambda item: next(at for at, prefix in enumerate(_HEAVY) if item.nodeid.startswith(prefix)))
    files = [list(group) for _, group in groupby(heavy, key=lambda item: item.path)]
    # These stay in pytest-django's order: what empties the tables comes late.
    others = [item for item in items if not item.nodeid.startswith(_HEAVY)]
    for number, file in reversed(list(enumerate(files))):
        at = len(others) * number // len(files)
        others[at:at] = file
    items[:] = others


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: to look through it for garbage again and again took a seventh of the tests' time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _own_data(settings: Any, tmp_path: Path) -> None:
    """Give each test a data directory of its own: logs are named by keys, which every test begins anew."""
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"data_dir": tmp_path / "deployer"})


@pytest.fixture(autouse=True)
def _plugins_are_used() -> Iterator[None]:
    """Forget which plugins a test has disabled, and what they did wrong."""
    yield
    plugins.switched_off = {}
    incidents.take()


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the secrets that a test has come by: they would be hidden in what others say."""
    monkeypatch.setattr(secrets, "_known", set(secrets._known))


@pytest.fixture(autouse=True)
def _own_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of others neither what they measured, nor how many series they made: beyond some, all are one."""
    monkeypatch.setattr(measures, "_gathered", measures._Gathered())


@pytest.fixture(autouse=True)
def _quick_tests(settings: Any) -> None:
    """Make people in no time: the hash of a password takes a quarter of a second on purpose. Static files are looked for
    when they are asked for: each test's client would look for all of them."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def dummy() -> Iterator[Dummy]:
    """The dummy plugin, there for one test: kind `dummy` in every role."""
    hooks = Dummy()
    plugins.register(hooks, name="dummy")
    yield hooks
    plugins.unregister("dummy")
