"""Capability files: whatever is wrong with one is told with the setting that names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.api import ConfigurationError
from ocluster import capability
from ocluster.rpc.sturdy_ref import SturdyRef

SETTING = "DEPLOYER_OCLUSTER_SUBMISSION"
REF = SturdyRef(host="ci.example.org", port=9000, fingerprint=bytes(32), service=b"open sesame")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "submission.cap"
    path.touch(mode=0o600)
    path.write_text(f"{REF}\n")
    return path


def told(path: Path) -> str:
    with pytest.raises(ConfigurationError) as raised:
        capability.read(path, SETTING)
    return str(raised.value)


def test_it_is_read(file: Path) -> None:
    assert capability.read(file, SETTING) == REF


def test_one_that_is_not_there_is_told_with_the_setting(tmp_path: Path) -> None:
    text = told(tmp_path / "submission.cap")
    assert "there is no capability file" in text
    assert SETTING in text


def test_one_that_everybody_can_read_is_refused_and_how_to_mend_it_is_told(file: Path) -> None:
    file.chmod(0o644)
    assert f"chmod o= {file}" in told(file)
    file.chmod(0o440)
    assert capability.read(file, SETTING) == REF


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every file")
def test_one_that_may_not_be_read_is_told(file: Path) -> None:
    file.chmod(0o000)
    assert "Permission denied" in told(file)


def test_a_directory_is_told(tmp_path: Path) -> None:
    assert "Is a directory" in told(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"capnp://insecure@", str(REF).encode()[:-30], b"x" * 10_000])
def test_half_of_one_is_refused_and_nothing_secret_is_told(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    text = told(file)
    assert f"{file} is no capability file" in text
    assert SETTING in text
    assert str(REF)[-12:] not in text
