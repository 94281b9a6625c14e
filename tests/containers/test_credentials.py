"""Who we are to a registry, and that nobody else hears of it."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from containers.credentials import Credentials, credentials_for, how_to_give, write_config
from core.api import ConfigurationError


@pytest.fixture(autouse=True)
def places(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"secrets_dir": secrets})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    return tmp_path


def test_they_come_from_the_environment_a_file_or_docker_in_this_order(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert credentials_for("ghcr.io") is None
    auth = base64.b64encode(b"of-docker:three").decode()
    (places / "docker" / "config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": auth}}}))
    assert credentials_for("ghcr.io") == Credentials("ghcr.io", "of-docker", "three")
    (places / "secrets" / "registry_ghcr_io").write_text("of-file:two:with:colons\n")
    assert credentials_for("ghcr.io") == Credentials("ghcr.io", "of-file", "two:with:colons")
    monkeypatch.setenv("DEPLOYER_SECRET_REGISTRY_GHCR_IO", "of-environment:one")
    assert credentials_for("ghcr.io") == Credentials("ghcr.io", "of-environment", "one")


def test_the_default_registry_has_another_name_in_dockers_file(places: Path) -> None:
    write_config(places / "docker", [Credentials("docker.io", "ann", "secret")])
    assert credentials_for("docker.io") == Credentials("docker.io", "ann", "secret")


def test_a_token_of_a_helper_is_used(places: Path) -> None:
    entry = {"auth": base64.b64encode(b"ann:").decode(), "identitytoken": "the-token"}
    (places / "docker" / "config.json").write_text(json.dumps({"auths": {"a.example.org": entry}}))
    found = credentials_for("a.example.org")
    assert found is not None
    assert json.loads(base64.urlsafe_b64decode(found.header()))["identitytoken"] == "the-token"


@pytest.mark.parametrize("text", ["no-colon", ":nobody", ""])
def test_a_secret_that_is_none_is_told_without_showing_it(places: Path, text: str) -> None:
    (places / "secrets" / "registry_ghcr_io").write_text(text)
    with pytest.raises(ConfigurationError, match="has to be `user:password`") as failure:
        credentials_for("ghcr.io")
    assert not text or text not in str(failure.value)


def test_they_do_not_show(places: Path) -> None:
    assert "open-sesame" not in repr(Credentials("ghcr.io", "ann", "open-sesame", "open-sesame"))


def test_what_is_written_for_dockers_client_is_its_owners_alone(places: Path) -> None:
    write_config(places / "mine", [Credentials("ghcr.io", "ann", "open-sesame")])
    assert stat.S_IMODE((places / "mine").stat().st_mode) == 0o700
    assert stat.S_IMODE((places / "mine" / "config.json").stat().st_mode) == 0o600


def test_it_says_how_to_give_them() -> None:
    assert "DEPLOYER_SECRET_REGISTRY_127_0_0_1_5000" in how_to_give("127.0.0.1:5000")
    assert "docker login 127.0.0.1:5000" in how_to_give("127.0.0.1:5000")
