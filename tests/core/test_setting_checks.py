"""Settings that are wrong: each by itself, which ends the start, or together, which `manage.py check` tells."""

from __future__ import annotations

import pytest
from django.core import checks
from django.core.checks import CheckMessage
from django.core.management import CommandError
from django.db import OperationalError, ProgrammingError
from django.utils import timezone

from core import configuration
from core.errors import ConfigurationError
from core.management import database
from tests import factories


def said(id: str, *, databases: list[str] | None = None) -> list[CheckMessage]:
    found = checks.run_checks(databases=databases)
    return [message for message in found if message.id == f"deployer.{id}"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "mysql://me:sesame@db/x", "must begin with `postgres:` or `postgresql:`"),
        ("DATABASE_URL", "mysql://me:sesame@db/x", "'mysql://me:…@db/x'"),
        ("REDIS_URL", "localhost:6379", "must begin with `redis:`"),
        ("DATABASE_URL", "postgres://me:sesame@db/", "it has to name the database"),
        ("DATABASE_URL", "postgres://me:sesame@db:port/x", "its port is a number"),
        ("REDIS_URL", "redis://:sesame@cache:99999/0", "its port is a number"),
        ("REDIS_URL", "redis://cache/deployer", "the number of a database"),
        ("EMAIL_URL", "smtp://me:sesame@mail:smtp", "its port is a number"),
        ("DATA_DIR", "/dev/null", "has to be a directory (it is"),
        ("SECRETS_DIR", "/nowhere", "has to be a directory that is there (it is '/nowhere')"),
        ("LEASE_SECONDS", "soon", "valid number"),
        ("DEBUG", "perhaps", "valid boolean"),
        ("TRUSTED_PROXIES", "proxy", "neither an address nor a network"),
        ("BASE_URL", "deploy.example.org", "must begin with `http:` or `https:`"),
        ("BASE_URL", "https://", "must be like `https://deploy.example.org`"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO"),
        ("CONCURRENCY", "0", "(it is '0')"),
        ("LOG_FORMAT", "xml", "'text' or 'json'"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_what_is_allowed(monkeypatch, name, value, told):
    monkeypatch.setenv(f"DEPLOYER_{name}", value)
    with pytest.raises(ConfigurationError) as raised:
        configuration.read()
    assert str(raised.value).startswith(f"DEPLOYER_{name}: ")
    assert told in str(raised.value)
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://me@[::1]:5432/x"),
        ("DATABASE_URL", "postgres://%2Fvar%2Frun%2Fpostgresql/x"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("REDIS_URL", "redis://cache"),
        ("REDIS_URL", "rediss://me:sesame@cache:6380/3"),
        ("REDIS_URL", "unix:///run/redis.sock?db=2"),
    ],
)
def test_a_right_value_is_taken(monkeypatch, name, value):
    monkeypatch.setenv(f"DEPLOYER_{name}", value)
    assert getattr(configuration.read(), name.lower()) == value


def test_a_file_that_cannot_be_read_is_told(monkeypatch):
    def unreadable():
        raise PermissionError(13, "Permission denied", "/run/secrets/deployer_redis_url")

    monkeypatch.setattr(configuration, "Configuration", unreadable)
    with pytest.raises(ConfigurationError, match="/run/secrets/deployer_redis_url: Permission denied"):
        configuration.read()


@pytest.mark.django_db
def test_several_hosts_on_one_file_are_told():
    factories.make_runner(host="a.example.org")
    assert said("W015", databases=["default"]) == []
    factories.make_process(host="b.example.org", gone_at=timezone.now())
    assert said("W015", databases=["default"]) == []
    factories.make_process(host="c.example.org")
    [message] = said("W015", databases=["default"])
    assert "a.example.org, c.example.org" in message.msg
    assert said("W015") == []


def test_a_database_that_is_not_there_is_told_with_its_variable(monkeypatch, settings):
    url = "postgres://me:sesame@db/x"
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"database_url": url})
    with pytest.raises(CommandError) as raised, database.needed():
        raise OperationalError(f"connection to {url} failed: Connection refused\n\tIs the server running?")
    assert "DEPLOYER_DATABASE_URL (it is 'postgres://me:…@db/x')" in str(raised.value)
    assert "sesame" not in str(raised.value)
    with pytest.raises(CommandError, match=r"manage\.py migrate"), database.needed():
        raise ProgrammingError('relation "core_runner" does not exist')


def test_a_variable_that_nothing_reads_is_told_with_the_one_that_was_meant(monkeypatch):
    monkeypatch.setenv("DEPLOYER_REDISURL", "redis://localhost")
    monkeypatch.setenv("DEPLOYER_GITHUB_URL", "https://github.example.org")
    monkeypatch.setenv("DEPLOYER_SECRET_KEYS", "open sesame")
    [message] = said("W006")
    assert message.msg == "DEPLOYER_REDISURL is set, and nothing reads it."
    assert message.hint == "Perhaps DEPLOYER_REDIS_URL is meant."


def test_a_wrong_setting_of_a_plugin_is_told_and_no_secret_with_it(monkeypatch, dummy):
    assert said("W013") == []
    monkeypatch.setenv("DEPLOYER_DUMMY_SIZE", "large")
    [message] = said("W013")
    assert message.msg.startswith("Plugin dummy: DEPLOYER_DUMMY_SIZE: ")
    assert "'large'" in message.msg
    monkeypatch.setenv("DEPLOYER_DUMMY_SIZE", "0")
    [message] = said("W013")
    assert "greater than or equal to 1 (it is '0')" in message.msg


def test_a_variable_that_is_nearly_one_of_a_plugin_is_told(monkeypatch, dummy):
    monkeypatch.setenv("DEPLOYER_DUMY_SIZE", "2")
    [message] = said("W006")
    assert message.hint == "Perhaps DEPLOYER_DUMMY_SIZE is meant."


@pytest.mark.parametrize(
    ("url", "more", "told"),
    [
        ("https://deploy.example.org", {"allowed_hosts": ["deploy.example.org"]}, ""),
        ("https://deploy.example.org", {}, "W007"),
        ("https://deploy.example.org/ci", {"allowed_hosts": ["*"]}, "W008"),
        ("https://deploy.example.org", {"allowed_hosts": ["*"], "debug": True}, "W009"),
        ("http://deploy.example.org", {"allowed_hosts": [".example.org"]}, "W010"),
        ("http://[::1]:8000", {"debug": True}, ""),
    ],
)
def test_what_does_not_fit_the_base_url_is_told(settings, url, more, told):
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"base_url": url, **more})
    assert [id for id in ("W007", "W008", "W009", "W010") if said(id)] == ([told] if told else [])


@pytest.mark.django_db
def test_a_private_deployer_that_nobody_can_enter_is_told(settings):
    assert said("W011", databases=["default"]) == []
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"private": True})
    [message] = said("W011", databases=["default"])
    assert "createsuperuser" in str(message.hint)
    factories.make_user()
    assert said("W011", databases=["default"]) == []
