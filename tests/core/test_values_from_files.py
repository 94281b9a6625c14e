"""Settings and secrets that are in files, as containers have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import configuration, secrets
from core.errors import ConfigurationError


def test_a_setting_that_may_be_a_secret_is_read_from_the_file_that_a_variable_names(monkeypatch, tmp_path: Path):
    (tmp_path / "key").write_text("open sesame\n")
    monkeypatch.setenv("DEPLOYER_SECRET_KEY_FILE", str(tmp_path / "key"))
    read = configuration.read()
    assert read.secret_key == "open sesame"
    assert "open sesame" in read.secrets()


@pytest.mark.parametrize(
    ("file", "more", "told"),
    [
        ("missing", {}, "missing cannot be read: No such file or directory"),
        ("empty", {}, "empty is empty"),
        ("binary", {}, "binary cannot be read: it is no text"),
        ("full", {"DEPLOYER_REDIS_URL": "redis://elsewhere"}, "are both set: leave one out"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_variable(monkeypatch, tmp_path: Path, file, more, told):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "full").write_text("redis://here")
    monkeypatch.setenv("DEPLOYER_REDIS_URL_FILE", str(tmp_path / file))
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="DEPLOYER_REDIS_URL_FILE") as raised:
        configuration.read()
    assert told in str(raised.value)


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("DEPLOYER_PRIVATE", "")
    monkeypatch.setenv("DEPLOYER_LEASE_SECONDS", "")
    assert configuration.read().lease_seconds == 30


def test_the_databases_password_may_stand_apart(monkeypatch):
    monkeypatch.setenv("DEPLOYER_DATABASE_URL", "postgres://deployer@database/deployer")
    monkeypatch.setenv("DEPLOYER_DATABASE_PASSWORD", "sesame")
    read = configuration.read()
    assert read.database()["PASSWORD"] == "sesame"
    assert read.database()["HOST"] == "database"
    assert "sesame" in read.secrets()


@pytest.mark.parametrize("url", ["", "sqlite:////tmp/x", "postgres://deployer:open@database/deployer"])
def test_a_password_that_is_for_nothing_or_one_too_many_is_refused(monkeypatch, url):
    monkeypatch.setenv("DEPLOYER_DATABASE_URL", url)
    monkeypatch.setenv("DEPLOYER_DATABASE_PASSWORD", "sesame")
    with pytest.raises(ConfigurationError, match="DEPLOYER_DATABASE_PASSWORD: it is for") as raised:
        configuration.read()
    assert "sesame" not in str(raised.value)


def test_a_secret_is_read_from_the_file_that_a_variable_names(monkeypatch, tmp_path: Path):
    (tmp_path / "anything").write_text("hunter2\n")
    monkeypatch.setenv("DEPLOYER_SECRET_REGISTRY_FILE", str(tmp_path / "anything"))
    assert secrets.secret("registry") == "hunter2"
    assert secrets.secret_path("registry") == tmp_path / "anything"
    monkeypatch.setenv("DEPLOYER_SECRET_REGISTRY", "another")
    with pytest.raises(ConfigurationError, match="DEPLOYER_SECRET_REGISTRY and DEPLOYER_SECRET_REGISTRY_FILE"):
        secrets.secret("registry")
