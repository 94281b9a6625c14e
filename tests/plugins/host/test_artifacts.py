"""Artifacts are kept once, whole, and as long as they may be needed."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from threading import Event

import pytest

from core.api import Stalled
from plugins.host import artifacts
from plugins.host.artifacts import HERE, ArtifactStore
from plugins.host.waiting import Stopped
from tests.plugins.host.world import write_files

STORING = """
import sys
from pathlib import Path
from threading import Event
from plugins.host import trees
from plugins.host.artifacts import ArtifactStore
copy_content = trees._copy_content
def slowly(*arguments):
    print("copying", flush=True)
    import time; time.sleep(60)
trees._copy_content = slowly
ArtifactStore(Path(sys.argv[1])).store(Path(sys.argv[2]), Event())
"""


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "data")


def files(tmp_path: Path, text: str) -> Path:
    return write_files(tmp_path / f"files-{text}", file=text)


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "data" / "artifacts").iterdir() if path.name != ".lock")


def test_the_same_is_stored_once(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.store(files(tmp_path, "one"), Event())
    assert store.store(files(tmp_path, "one"), Event()) == digest
    assert kept(tmp_path) == [digest.removeprefix("sha256:")]
    assert (store.path(digest) / "file").read_text() == "one"


def test_many_store_the_same_at_once(store: ArtifactStore, tmp_path: Path) -> None:
    source = files(tmp_path, "one")
    threads = [threading.Thread(target=lambda: store.store(source, Event())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept(tmp_path)) == 1


def test_a_kill_in_the_middle_leaves_no_half_artifact(store: ArtifactStore, tmp_path: Path) -> None:
    source = files(tmp_path, "one")
    command = (sys.executable, "-c", STORING, str(tmp_path / "data"), str(source))
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"copying\n"
        assert store.path(store.digest_of(source, Event())) is None
        [half] = kept(tmp_path)
        assert half.startswith(".new-")
        another = store.store(files(tmp_path, "two"), Event())
        assert half in kept(tmp_path), "what somebody still makes is left alone"
        process.send_signal(signal.SIGKILL)
    digest = store.store(source, Event())
    assert kept(tmp_path) == sorted(each.removeprefix("sha256:") for each in (digest, another))


def test_being_stopped_leaves_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        store.store(files(tmp_path, "one"), stop)
    assert kept(tmp_path) == []


def test_one_platform_is_published_by_its_artifact(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.store(files(tmp_path, "one"), Event())
    assert store.publish("sample/hello:live", {HERE: digest}) == digest


def test_several_platforms_are_published_by_one_digest(store: ArtifactStore, tmp_path: Path) -> None:
    here, there = (store.store(files(tmp_path, text), Event()) for text in ("here", "there"))
    digest = store.publish("sample/hello:live", {HERE: here, "linux/s390x": there})
    assert digest == store.publish("sample/hello:live", {"linux/s390x": there, HERE: here})
    assert store.path(digest) == store.path(here)


def test_a_release_without_a_build_says_what_to_do(store: ArtifactStore) -> None:
    with pytest.raises(Stalled, match="no build of web:live is known: build the commit again"):
        store.publish("web:live", {})


def test_what_is_not_on_this_host_cannot_be_published(store: ArtifactStore) -> None:
    with pytest.raises(Stalled, match="build the commit again"):
        store.publish("sample/hello:live", {HERE: "sha256:" + "0" * 64})


@pytest.mark.parametrize("digest", ["", "sha256:../../etc", "sha256:" + "0" * 63, "latest", "sha256:" + "A" * 64])
def test_no_digest_leads_anywhere_else(store: ArtifactStore, digest: str) -> None:
    with pytest.raises(Stalled, match="is no digest"):
        store.path(digest)


def test_an_image_name_of_any_form_is_a_file_name(store: ArtifactStore, tmp_path: Path) -> None:
    digest = store.store(files(tmp_path, "one"), Event())
    names = ["../../etc/passwd", "a/b:c", "a-b-c", "-x", ".", "\N{PARTY POPPER}", "x" * 500]
    for name in names:
        store.publish(name, {HERE: digest})
    records = [path.name for path in (tmp_path / "data" / "images").glob("*.json")]
    assert len(records) == len(names)
    assert not any(name.startswith(("-", ".")) for name in records)


def test_old_artifacts_of_no_image_are_removed(store: ArtifactStore, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(artifacts, "KEPT_RELEASES", 2)
    digests = [store.store(files(tmp_path, f"release-{number}"), Event()) for number in range(3)]
    for digest in digests:
        store.publish("sample/hello:live", {HERE: digest})
    never, young = (store.store(files(tmp_path, text), Event()) for text in ("never", "young"))
    long_ago = time.time() - artifacts.UNPUBLISHED_FOR - 60
    for digest in (*digests, never):
        os.utime(store.path(digest), (long_ago, long_ago))
    store.publish("sample/hello:live", {HERE: digests[-1]})
    assert [bool(store.path(digest)) for digest in (*digests, never, young)] == [False, True, True, False, True]


def test_artifacts_of_releases_that_nobody_can_go_back_to_are_removed(store: ArtifactStore, tmp_path: Path) -> None:
    one, two, three = (store.store(files(tmp_path, text), Event()) for text in ("one", "two", "three"))
    for digest in (one, two, three):
        store.publish("shop:live", {HERE: digest})
    store.publish("other:live", {HERE: two})
    count, size = store.forget([("shop:live", one), ("shop:live", two), ("shop:live", three)], {three}, Event())
    assert (count, size) == (1, 3)
    assert kept(tmp_path) == sorted([two.removeprefix("sha256:"), three.removeprefix("sha256:")])
    assert store.forget([("shop:live", one)], {three}, Event()) == (0, 0)
