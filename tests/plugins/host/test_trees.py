"""A digest names what a tree holds, and nothing else."""

import os
import shutil
import socket
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.api import OperationError, Stalled
from plugins.host import trees
from plugins.host.waiting import Stopped
from tests.plugins.host.world import write_files


def digest(directory: Path) -> str:
    return trees.copy(directory, None, Event())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = write_files(tmp_path / "tree", page="a page\n", program="#!/bin/sh\n")
    (top / "program").chmod(0o755)
    write_files(top / "deep" / "er", file="deep\n")
    (top / "empty").mkdir()
    (top / "link").symlink_to("./page")
    (top / "away").symlink_to("/etc/passwd")
    return top


def test_a_copy_has_the_digest_of_what_was_copied(tree: Path, tmp_path: Path) -> None:
    assert trees.copy(tree, tmp_path / "copy", Event()) == digest(tree) == digest(tmp_path / "copy")


def test_links_are_copied_as_they_are_and_never_followed(tree: Path, tmp_path: Path) -> None:
    trees.copy(tree, tmp_path / "copy", Event())
    targets = {name: os.readlink(tmp_path / "copy" / name) for name in ("link", "away")}  # noqa: PTH115  keeps `./`
    assert targets == {"link": "./page", "away": "/etc/passwd"}


def test_times_owners_history_and_most_of_the_mode_do_not_count(tree: Path) -> None:
    before = digest(tree)
    os.utime(tree / "page", (1, 1))
    (tree / "page").chmod(0o600)
    (tree / ".git").mkdir()
    (tree / ".git" / "index").write_bytes(os.urandom(10))
    write_files(tree / "deep", __git="gitdir: elsewhere")
    assert digest(tree) == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda top: (top / "page").write_text("another"), id="content"),
        pytest.param(lambda top: (top / "page").rename(top / "side"), id="a name"),
        pytest.param(lambda top: (top / "page").chmod(0o755), id="may be executed"),
        pytest.param(lambda top: (top / "empty").rmdir(), id="an empty directory"),
        pytest.param(lambda top: (top / "deep" / "er" / "file").rename(top / "deep" / "file"), id="a place"),
        pytest.param(lambda top: ((top / "link").unlink(), (top / "link").symlink_to("page")), id="a link's target"),
        pytest.param(lambda top: ((top / "empty").rmdir(), (top / "empty").write_text("")), id="a kind"),
    ],
)
def test_whatever_differs_gives_another_digest(tree: Path, change) -> None:
    before = digest(tree)
    change(tree)
    assert digest(tree) != before


NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda name: not set(name) & {0, 47} and name not in (b".", b"..", b".git")
)


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=6), st.randoms())
def test_the_order_in_which_files_were_made_does_not_count(tmp_path_factory, files, random) -> None:
    digests = set()
    for _ in range(2):
        top = tmp_path_factory.mktemp("made")
        for name, content in random.sample(sorted(files.items()), len(files)):
            (top / os.fsdecode(name)).write_bytes(content)
        digests |= {digest(top), trees.copy(top, top.parent / f"{top.name}-copy", Event())}
    assert len(digests) == 1


def test_a_socket_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("tree/s")
        with pytest.raises(Stalled, match="tree/s is a socket"):
            digest(tmp_path / "tree")


def test_a_copy_ends_when_it_is_asked_to(tree: Path, tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        trees.copy(tree, tmp_path / "copy", stop)


def test_a_full_disk_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match=f"{tmp_path}.*No such file"), trees.disk_errors(tmp_path):
        shutil.rmtree(tmp_path / "not-there")
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115  closed below, where no error hides another
    with full, pytest.raises(OperationError, match=f"{tmp_path}: No space left"), trees.disk_errors(tmp_path):
        full.write(b"x")
