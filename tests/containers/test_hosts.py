"""Which engine a host's name means."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from containers import tunnels
from containers.hosts import find
from core.api import ConfigurationError


@pytest.fixture(autouse=True)
def docker_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DEPLOYER_SSH_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path


def context(directory: Path, name: str, text: str) -> Path:
    key = sha256(name.encode()).hexdigest()
    meta = directory / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(text)
    return directory / "contexts" / "tls" / key / "docker"


def test_no_host_is_the_environments_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert find("").url == "unix:///var/run/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    assert (find("").url, find("").certificates, find("").verify) == ("tcp://127.0.0.1:2376", tmp_path, True)


def test_a_context_is_found_by_name_with_its_certificates(docker_directory: Path) -> None:
    endpoint = {"Endpoints": {"docker": {"Host": "tcp://ci.example.org:2376", "SkipTLSVerify": True}}}
    certificates = context(docker_directory, "ci3", json.dumps(endpoint))
    assert find("ci3").certificates is None
    certificates.mkdir(parents=True)
    found = find("ci3")
    assert (found.url, found.certificates, found.verify) == ("tcp://ci.example.org:2376", certificates, False)
    assert found.origin == "Docker's context ci3"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"Endpoints": 1}'])
def test_a_context_that_cannot_be_read_is_told_with_its_file(docker_directory: Path, text: str) -> None:
    context(docker_directory, "ci3", text)
    with pytest.raises(ConfigurationError, match=r"context 'ci3' cannot be read from .*meta\.json"):
        find("ci3")


def test_any_other_name_is_a_host_for_ssh() -> None:
    assert find("ocaml-www1").url == "ssh://ocaml-www1"


@pytest.mark.parametrize(
    "host",
    [
        "-oProxyCommand=id",
        "ssh://-oProxyCommand=id",
        "ssh://-l@host",
        "ftp://a",
        "unix://",
        "tcp://:1",
        "ssh://a:b:c",
        "a b",
    ],
)
def test_what_could_be_an_option_or_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="is no engine's address"):
        find(host)


def test_what_is_said_to_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    monkeypatch.setenv("DEPLOYER_SSH_CONFIG", str(config))
    with pytest.raises(ConfigurationError, match="DEPLOYER_SSH_CONFIG: Path does not point to a file"):
        tunnels.command("ssh://host", Path("/tmp/engine"))
    config.touch()
    words = tunnels.command("ssh://ann@host:2222/run/user/1000/docker.sock", Path("/tmp/engine"))
    assert words[words.index("-F") + 1] == str(config)
    assert words[words.index("-L") + 1] == "/tmp/engine:/run/user/1000/docker.sock"
    assert words[words.index("-p") + 1] == "2222"
    assert words[words.index("-l") + 1] == "ann"
    assert words[-2:] == ["--", "host"]
    assert "-oBatchMode=yes" in words
