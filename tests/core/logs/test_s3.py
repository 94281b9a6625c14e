"""Logs on a real server of the S3 protocol: moved once, read by ranges, never lost when it is away."""

import contextlib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

import httpx
import obstore
import pytest
from django.core.management import call_command
from django.utils import timezone

from core.buckets import Address
from core.engine import doctor_here
from core.errors import OperationError
from core.logs import lines, places, s3
from core.logs.s3 import Bucket
from core.logs.store import LogStore
from core.management import archive
from tests import real
from tests.e2e.harness import free_port

DAY = "2026-11-23"
NAME = f"{DAY}/000123-build.log"
CONTENT = b"".join(b"line %d of a build, %x\n" % (at, at * 7919) for at in range(100_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real.s3(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: Any) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_LOG_STORE_KEY_ID", "somebody")
    monkeypatch.setenv("DEPLOYER_SECRET_LOG_STORE_KEY", "open sesame")
    # A server that is away is found out at once.
    monkeypatch.setattr(s3, "_RETRIES", 0)


def bucket(server: str, prefix: str = "", name: str = "logs") -> Bucket:
    s3._client.cache_clear()
    return Bucket(Address.parse(f"s3://{name}/{prefix}?endpoint={server}"))


@pytest.fixture
def store(tmp_path: Path, server: str, request: Any) -> LogStore:
    return LogStore(tmp_path / "logs", bucket(server, request.node.name[:40]))


def written(store: LogStore, data: bytes = CONTENT, name: str = NAME) -> bytes:
    with contextlib.closing(store.open(name)) as log:
        log.write(data)
    return data


def test_a_log_is_moved_and_reads_the_same(store: LogStore) -> None:
    written(store)
    when = store.times(NAME)
    assert dict(store.loose()) == {NAME: False}
    store.pack(NAME)
    assert dict(store.loose()) == {NAME: True}
    store.move(NAME)
    assert dict(store.loose()) == {}
    assert [path.name for path in store.root.rglob("*") if path.is_file()] == []
    assert (store.size(NAME), store.times(NAME)) == (len(CONTENT), when)
    assert store.read(NAME, 1_234_567, 100) == CONTENT[1_234_567:1_234_667]
    assert store.tail(NAME, 2) == b"".join(CONTENT.splitlines(keepends=True)[-2:])
    assert [line.data for line in lines.lines(store, NAME, 50_000, 1)] == [CONTENT.splitlines()[50_000]]
    assert set(store.stored(DAY)) == {NAME}
    assert store.read_cached(NAME, 0, 10) is None


def test_reading_a_part_asks_for_a_part(store: LogStore, server: str, monkeypatch: Any) -> None:
    """The largest answer is far from the whole object."""
    monkeypatch.setattr(s3, "_PART", 1 << 16)
    written(store, bytes(range(256)) * 40_000 + Random(1).randbytes(3_000_000))
    store.pack(NAME)
    store.move(NAME)
    asked: list[int] = []
    get_range = obstore.get_range

    def told(*args: Any, start: int, end: int) -> Any:
        asked.append(end - start)
        return get_range(*args, start=start, end=end)

    monkeypatch.setattr(obstore, "get_range", told)
    assert len(store.read(NAME, 11_000_000, 1000)) == 1000
    assert sum(asked) < 700_000


def test_what_is_moved_twice_is_there_once(store: LogStore) -> None:
    written(store)
    store.pack(NAME)
    packed = store.path(NAME).with_name("000123-build.log.zst").read_bytes()
    store.move(NAME)
    # Killed between the upload and the removal of the file.
    store.path(NAME).with_name("000123-build.log.zst").write_bytes(packed)
    store.move(NAME)
    assert store.stored(DAY) == {NAME: len(packed)}
    assert store.read(NAME, 0, 100) == CONTENT[:100]


def test_a_moved_log_is_appended_to_and_moved_again(store: LogStore) -> None:
    written(store)
    store.pack(NAME)
    store.move(NAME)
    written(store, b"and more\n")
    for _ in range(2):
        store.pack(NAME)
        store.move(NAME)
    assert dict(store.loose()) == {}
    assert store.read(NAME, len(CONTENT) - 10, 100) == CONTENT[-10:] + b"and more\n"


def test_while_the_server_is_away_logs_stay_on_the_disk(tmp_path: Path, server: str) -> None:
    away = LogStore(tmp_path / "logs", bucket(f"http://127.0.0.1:{free_port()}"))
    written(away)
    away.pack(NAME)
    with pytest.raises(OperationError, match="the log store s3://logs does not do it"):
        away.move(NAME)
    assert away.read(NAME, 0, 100) == CONTENT[:100]
    with pytest.raises(OperationError, match="the log store"):
        away.read(f"{DAY}/000124-build.log", 0, 1)
    assert away.shelf
    assert away.shelf.check().level == "error"
    back = LogStore(tmp_path / "logs", bucket(server, "back"))
    back.move(NAME)
    assert back.read(NAME, 0, 100) == CONTENT[:100]


def test_a_removed_log_is_gone(store: LogStore) -> None:
    written(store)
    store.pack(NAME)
    store.move(NAME)
    store.remove(NAME)
    store.remove(NAME)
    assert not store.exists(NAME)
    assert store.stored(DAY) == {}
    assert store.where(NAME) == f"s3://logs/test_a_removed_log_is_gone/{NAME}.zst"


def test_the_check_leaves_nothing(server: str) -> None:
    shelf = bucket(server, "checked")
    found = shelf.check()
    assert (found.level, found.text) == ("ok", "s3://logs/checked: something was written, read in part, and removed")
    assert "checked" not in httpx.get(f"{server}/logs?prefix=checked").text.partition("<KeyCount>")[2]
    shelf.answers()


def test_without_a_bucket_or_a_key_it_says_what_to_do(server: str, monkeypatch: Any) -> None:
    assert "the log store has no bucket 'not-there': make it" in bucket(server, name="not-there").check().text
    monkeypatch.delenv("DEPLOYER_SECRET_LOG_STORE_KEY")
    found = bucket(server).check()
    assert "needs a key: put it into DEPLOYER_SECRET_LOG_STORE_KEY or the file" in found.text


@pytest.mark.parametrize(
    "address",
    ["s3://", "s3:///x", "https://x/y", "s3://a", "s3://logs/../x", "s3://logs?host=x", "s3://logs?endpoint=x",
     "s3://logs?endpoint=https://me:word@x"],
)  # fmt: skip
def test_what_is_no_address_is_told(address: str) -> None:
    with pytest.raises(ValueError, match=r"it must be like|put it into the secret"):
        Address.parse(address)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("copied", [True, False])
def test_a_backup_leaves_moved_logs_where_they_are_or_copies_them(
    server: str, tmp_path: Path, settings: Any, copied: bool
) -> None:
    s3._client.cache_clear()
    address = f"s3://logs/backup-{copied}?endpoint={server}"
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"log_store": address})
    settings.DEPLOYER.signing_key()
    store = places.store()
    written(store)
    store.pack(NAME)
    store.move(NAME)
    words = ["--with-log-store"] if copied else []
    out = StringIO()
    call_command("backup", tmp_path / "backup", *words, stdout=out)
    assert ("are not in it: they are found there again" in out.getvalue()) is not copied
    (tmp_path / "unpacked").mkdir()
    manifest = archive.unpack(tmp_path / "backup", tmp_path / "unpacked")
    assert (f"logs/{NAME}.zst" in manifest.files) is copied
    if copied:
        assert LogStore(tmp_path / "unpacked" / "logs").read(NAME, 0, 1 << 23) == CONTENT


def test_the_doctor_tries_it(server: str, settings: Any) -> None:
    s3._client.cache_clear()
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"log_store": f"s3://logs/doctor?endpoint={server}"})
    found = [finding for about, finding in doctor_here.look(timezone.now(), database=False) if about == "log store"]
    assert [(each.level, each.text) for each in found] == [
        ("ok", "s3://logs/doctor: something was written, read in part, and removed")
    ]
