"""What `manage.py check` says of an installation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connection
from django.utils import timezone

from core.plugins import plugins
from tests import factories
from tests.distributions import brings

ROOT = Path(__file__).parents[2]


def said(id: str, *, deploy: bool = False, databases: list[str] | None = None) -> list[CheckMessage]:
    """The messages with this id."""
    found = checks.run_checks(include_deployment_checks=deploy, databases=databases)
    return [message for message in found if message.id == f"deployer.{id}"]


@pytest.fixture
def configured(settings) -> Callable[..., None]:
    """Change the configuration of this process for one test."""

    def configure(**fields: object) -> None:
        settings.DEPLOYER = settings.DEPLOYER.model_copy(update=fields)

    return configure


@pytest.fixture
def broken() -> Iterator[None]:
    plugins.broken["rusty"] = "ImportError: no module named iron"
    yield
    del plugins.broken["rusty"]


def test_an_installation_that_is_right_is_not_complained_of():
    found = checks.run_checks(include_deployment_checks=True)
    assert not [message for message in found if str(message.id).startswith("deployer.")]


def test_a_broken_plugin_is_a_warning_that_names_what_leaves_it_out(broken):
    [message] = said("W002")
    assert message.level == checks.WARNING
    assert message.msg == "Plugin rusty is broken: ImportError: no module named iron"
    assert "DEPLOYER_DISABLED_PLUGINS=rusty" in str(message.hint)


def test_a_broken_plugin_is_an_error_where_it_matters(broken):
    assert said("E001") == []
    [message] = said("E001", deploy=True)
    assert message.level == checks.ERROR


def test_no_plugin_at_all_says_how_to_install(monkeypatch):
    monkeypatch.setattr(plugins, "infos", list)
    [message] = said("W001")
    assert "pip install -e ." in str(message.hint)


def test_a_data_directory_that_cannot_be_written_to_is_an_error(configured, tmp_path):
    (tmp_path / "file").write_text("")
    configured(data_dir=tmp_path / "file")
    [message] = said("E002")
    assert message.level == checks.ERROR
    assert str(tmp_path / "file") in message.msg
    assert "DEPLOYER_DATA_DIR" in str(message.hint)


def test_a_data_directory_that_is_not_there_yet_is_made_in_time(configured, tmp_path):
    configured(data_dir=tmp_path / "new" / "data")
    assert said("E002") == []
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_below_a_file_is_an_error(configured, tmp_path):
    (tmp_path / "file").write_text("")
    configured(data_dir=tmp_path / "file" / "data")
    assert len(said("E002")) == 1


def test_several_hosts_cannot_share_sqlite(configured):
    configured(redis_url="redis://example.org", database_url="")
    [message] = said("W005")
    assert "DEPLOYER_DATABASE_URL" in str(message.hint)
    configured(redis_url="redis://example.org", database_url="sqlite:////tmp/x")
    assert len(said("W005")) == 1
    configured(redis_url="redis://example.org", database_url="postgres://example.org/deployer")
    assert said("W005") == []


# Flavours, in a process of their own: they are found by entry points of what is installed.


def check_with_flavours(directory: Path, **files: str) -> str:
    """What `manage.py check` prints where another distribution brings these flavours."""
    brings(directory, "acme", flavours={name: f"acme_{name}:flavour" for name in files})
    for name, text in files.items():
        (directory / f"acme_{name}.py").write_text(f"from core.api import Flavour, Repository, Use\n{text}\n")
    environment = {**os.environ, "PYTHONPATH": str(directory), "DEPLOYER_DATA_DIR": str(directory / "data")}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_what_is_wrong_with_a_flavour_is_a_warning_and_keeps_no_other_from_running(tmp_path):
    printed = check_with_flavours(
        tmp_path,
        wrong='flavour = Flavour("wrong", [Repository("shop", Use("gti", url="x"), poll=0)])',
        broken="flavour = 1 / 0",
        other="flavour = 'a text'",
        left="raise SystemExit(3)",
        right='flavour = Flavour("right", [Repository("acme/shop", Use("git", url="https://example.org/shop"))])',
    )
    assert printed.count("deployer.W003") == 6
    assert "acme_wrong.py: shop: name 'shop': it is `owner/name`" in printed
    assert "acme_wrong.py: shop: source: kind 'gti': unknown; did you mean 'git'?" in printed
    assert "acme_wrong.py: shop: poll 0" in printed
    assert "flavour 'broken' (acme_broken:flavour) cannot be loaded: division by zero" in printed
    assert "'other'" in printed
    assert "flavour 'left' cannot be checked: SystemExit: 3" in printed
    assert "`run_pipeline --flavour wrong`" in printed
    assert "acme_right" not in printed


# Kinds in the database


@pytest.mark.django_db
def test_a_kind_that_no_plugin_offers_any_more_is_told_with_what_needs_it(dummy):
    service = factories.make_service("shop", deployer="gone")
    for number in range(5):
        factories.make_repository(f"acme/shop{number}", source="gone")
    factories.make_repository("acme/old", source="gone", retired_at=timezone.now())
    factories.make_input(reader="gone", retired_at=timezone.now())
    messages = [message.msg for message in said("W004", databases=["default"])]
    assert messages == [
        "No plugin offers the source 'gone' of acme/shop0, acme/shop1, acme/shop2 ….",
        f"No plugin offers the deployer 'gone' of {service}.",
    ]


@pytest.mark.django_db
def test_the_database_is_asked_only_when_databases_are_checked(django_assert_num_queries):
    factories.make_repository(source="gone")
    with django_assert_num_queries(0):
        assert said("W004") == []


@pytest.mark.django_db
def test_a_database_without_tables_is_no_reason_to_fail():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_repository RENAME TO elsewhere")
    assert said("W004", databases=["default"]) == []
