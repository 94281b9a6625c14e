"""An archive gives back what was put into it, or says that it does not."""

from __future__ import annotations

import tarfile
from io import BytesIO
from pathlib import Path

import pytest
import zstandard
from django.core.management import CommandError, call_command

from core.errors import ConfigurationError
from core.management import archive, restoring
from core.management.archive import FORMAT, Manifest

MANIFEST = Manifest(version="0.1.0", at="2026-11-28T03:00:00", database="sqlite", migrations={"core": ["0001_initial"]})


def written(tmp_path: Path) -> Path:
    logs = tmp_path / "data" / "logs"
    logs.mkdir(parents=True)
    (logs / "1.log").write_bytes(bytes(range(256)) * 100)
    (logs / "empty").mkdir()
    (logs / "2.log").symlink_to("/nowhere/at/all")
    file = tmp_path / "archive"
    with archive.writing(file) as writer:
        assert writer.add_tree("logs", logs) == 1
        writer.finish(MANIFEST)
    return file


def test_files_directories_and_links_come_back(tmp_path: Path) -> None:
    file, into = written(tmp_path), tmp_path / "into"
    manifest = archive.unpack(file, into)
    assert (manifest.format, manifest.version, list(manifest.files)) == (FORMAT, "0.1.0", ["logs/1.log"])
    assert (into / "logs" / "1.log").read_bytes() == bytes(range(256)) * 100
    assert (into / "logs" / "empty").is_dir()
    assert str((into / "logs" / "2.log").readlink()) == "/nowhere/at/all"


def test_wherever_it_is_cut_or_changed_it_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path).read_bytes()
    wrong = tmp_path / "wrong"
    places = range(0, len(data), max(1, len(data) // 60))
    changed = [data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :] for place in places]
    for number, each in enumerate([*(data[:place] for place in places), *changed]):
        wrong.write_bytes(each)
        with pytest.raises(ConfigurationError, match="is no whole backup"):
            archive.unpack(wrong, tmp_path / f"into-{number}")


@pytest.mark.parametrize("name", ["../logs/a", "/logs/a", "logs/../../a", "etc/a", "secret_key/../../a"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    file = tmp_path / "archive"
    with (
        zstandard.open(file, "wb") as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        tar.addfile(tarfile.TarInfo(name), BytesIO())
    with pytest.raises(ConfigurationError, match="no name that a backup has"):
        archive.unpack(file, tmp_path / "into" / "deep")
    assert not list(tmp_path.rglob("a"))


def test_a_file_that_could_not_be_finished_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the disk"), archive.writing(tmp_path / "archive"):
        raise OSError("the disk is full")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        ({"format": FORMAT + 1}, "or a newer one"),
        ({"version": "999.0"}, "or a newer one"),
        ({"migrations": {"core": ["9999_later"]}}, "core.9999_later"),
        ({"migrations": {"stranger": ["0001_initial"]}}, "install the plugin"),
    ],
)
@pytest.mark.django_db
def test_what_a_newer_deployer_wrote_changes_nothing(
    tmp_path: Path, settings: object, change: dict[str, object], advice: str
) -> None:
    file = tmp_path / "archive"
    with archive.writing(file) as writer:
        writer.finish(MANIFEST.model_copy(update=change))
    own = settings.DEPLOYER  # type: ignore[attr-defined]
    with pytest.raises(ConfigurationError, match=advice):
        restoring.restore(file, own, replace=False, tell=lambda _: None)
    assert [path.name for path in own.data_dir.iterdir()] == ["pipeline.lock"]


def test_a_backup_is_not_written_over_another_or_into_itself(tmp_path: Path, settings: object) -> None:
    file = tmp_path / "there"
    file.touch()
    with pytest.raises(CommandError, match="there already"):
        call_command("backup", file)
    inside = settings.DEPLOYER.logs_dir / "backup"  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="part of itself"):
        call_command("backup", inside)
