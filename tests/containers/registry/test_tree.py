"""Layers put one upon another: what is found through them is what unpacking them all would have given."""

from __future__ import annotations

import io
import posixpath
import tarfile
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.registry.layers import Kind, ancestors, clean, scan
from containers.registry.tree import Tree
from core.api import Stalled
from tests.containers.registry.images import Member, directory, file, hard_link, layer, link

# The oracle: a file system in a dictionary, onto which each layer is unpacked from the bottom up.

Disk = dict[str, tuple[str, bytes]]


def remove(disk: Disk, path: str, *, itself: bool = True) -> None:
    for each in list(disk):
        if (each == path and itself) or each.startswith(f"{path}/" if path else ""):
            disk.pop(each, None)


def put(disk: Disk, path: str, kind: str, content: bytes) -> None:
    parts = path.split("/")
    for depth in range(1, len(parts)):
        above = "/".join(parts[:depth])
        if disk.get(above, ("",))[0] != "directory":
            remove(disk, above)
            disk[above] = ("directory", b"")
    if kind != "directory" or disk.get(path, ("",))[0] != "directory":
        remove(disk, path)
    disk[path] = (kind, content)


def unpack(disk: Disk, members: list[Member]) -> None:
    below = dict(disk)
    for each in members:
        parent, name = posixpath.split(each.name)
        if name == ".wh..wh..opq":
            remove(disk, parent, itself=False)
        elif name.startswith(".wh."):
            remove(disk, posixpath.join(parent, name.removeprefix(".wh.")))
    unpacked: Disk = {}
    for each in members:
        if posixpath.basename(each.name).startswith(".wh."):
            continue
        kind, content = each.kind, each.content
        if kind == "link":
            content = each.target.encode()
        if kind == "hard link":
            kind, content = unpacked.get(each.target) or below.get(each.target) or ("nothing", b"")
            if kind == "directory":
                # Not the directory itself, which has one name only.
                kind, content = below.get(each.target, ("nothing", b""))
            if kind == "directory":
                kind = "nothing"
        put(unpacked, each.name, kind, content)
        put(disk, each.name, kind, content)


def read(disk: Disk, path: str) -> bytes | None:
    """What `cat` would print, every link followed inside."""
    left, place = [each for each in path.split("/") if each], ""
    for _ in range(200):
        if not left:
            return None
        word = left.pop(0)
        if word == "..":
            place = posixpath.dirname(place)
            continue
        kind, content = disk.get(posixpath.join(place, word), ("nothing", b""))
        if kind == "file":
            return None if left else content
        if kind == "directory":
            place = posixpath.join(place, word)
        elif kind == "link":
            target = content.decode()
            place = "" if target.startswith("/") else place
            left = [each for each in target.split("/") if each] + left
        else:
            return None
    return None


# Layers of few names, so that they meet

words = st.sampled_from(["a", "b"])
paths = st.lists(words, min_size=1, max_size=3).map("/".join)
EVERY_PATH = ["/".join(parts) for depth in (1, 2, 3) for parts in product("ab", repeat=depth)]
targets = st.tuples(st.sampled_from(["", "/", "../", "../../"]), paths).map("".join)


def whiteout(path: str) -> Member:
    parent, name = posixpath.split(path)
    return file(posixpath.join(parent, f".wh.{name}"), b"")


members = st.one_of(
    st.tuples(paths, st.binary(max_size=3)).map(lambda it: file(*it)),
    paths.map(directory),
    st.tuples(paths, targets).map(lambda it: link(*it)),
    st.tuples(paths, paths).map(lambda it: hard_link(*it)),
    paths.map(lambda path: Member(path, "pipe")),
    paths.map(whiteout),
    st.one_of(paths, st.just("")).map(lambda path: file(posixpath.join(path, ".wh..wh..opq"), b"")),
)
images = st.lists(st.lists(members, max_size=6), max_size=4)


def found(image: list[list[Member]], *wanted: str) -> list[bytes | None]:
    """What we find at each path, the content read from the archive where we say that it is."""
    archives = [tarfile.open(fileobj=io.BytesIO(layer(*each))) for each in reversed(image)]  # noqa: SIM115  in memory
    layers = [scan(each) for each in archives]
    tree = Tree("image", lambda number: layers[number], len(layers))

    def read_one(path: str) -> bytes | None:
        try:
            place = tree.file(path)
        except Stalled:
            return None
        archive = archives[place.layer]
        content = archive.extractfile(archive.getmembers()[place.entry.member])
        assert content
        return content.read()

    return [read_one(path) for path in wanted]


@given(images)
def test_what_is_found_is_what_unpacking_all_layers_would_give(image: list[list[Member]]) -> None:
    disk: Disk = {}
    for each in image:
        unpack(disk, each)
    assert found(image, *EVERY_PATH) == [read(disk, path) for path in EVERY_PATH]


def case(name: str, path: str, *image: list[Member], gives: bytes | None) -> Any:
    return pytest.param(list(image), path, gives, id=name)


@pytest.mark.parametrize(
    ("image", "path", "expected"),
    [
        case("removed", "a", [file("a", b"1")], [whiteout("a")], gives=None),
        case("removed with its directory", "a/b", [file("a/b", b"1")], [whiteout("a")], gives=None),
        case("made again", "a", [file("a", b"1")], [whiteout("a")], [file("a", b"2")], gives=b"2"),
        case("removed below, made here", "a", [file("a", b"1")], [whiteout("a"), file("a", b"2")], gives=b"2"),
        case("whatever their order", "a", [file("a", b"1")], [file("a", b"2"), whiteout("a")], gives=b"2"),
        case("emptied", "a/b", [file("a/b", b"1")], [file("a/.wh..wh..opq", b"")], gives=None),
        case("all is removed", "a", [file("a", b"1")], [file(".wh..wh..opq", b"")], gives=None),
        case("merged", "a/b", [file("a/b", b"1")], [directory("a"), file("a/c", b"2")], gives=b"1"),
        case("a directory now", "a", [file("a", b"1")], [file("a/b", b"2")], gives=None),
        case("a directory no more", "a/b", [file("a/b", b"1")], [file("a", b"2")], gives=None),
        case("another directory now", "a/b", [file("a/b", b"1")], [file("a", b"2")], [file("a/c", b"3")], gives=None),
        case("another directory at once", "a/b", [file("a/b", b"1")], [file("a", b"2"), file("a/c", b"3")], gives=None),
        case("a directory, not a link", "a", [link("a", "b"), file("b", b"1")], [file("a/c", b"2")], gives=None),
        case("a link to what is newer", "a", [file("b", b"1"), link("a", "b")], [file("b", b"2")], gives=b"2"),
        case("a link from the root", "a/b", [file("c", b"1"), link("a/b", "/c"), file("a/c", b"2")], gives=b"1"),
        case("a link from where it is", "a/b", [file("c", b"1"), link("a/b", "c"), file("a/c", b"2")], gives=b"2"),
        case("a hard link to the older", "a", [file("b", b"1")], [hard_link("a", "b")], [file("b", b"2")], gives=b"1"),
        case("what it names is removed", "a", [file("b", b"1")], [hard_link("a", "b")], [whiteout("b")], gives=b"1"),
        case("an old driver's own", "a", [file("a", b"1")], [file(".wh..wh.plnk", b"")], gives=b"1"),
    ],
)
def test_layers_meet(image: list[list[Member]], path: str, expected: bytes | None) -> None:
    disk: Disk = {}
    for each in image:
        unpack(disk, each)
    assert found(image, path) == [expected] == [read(disk, path)]


@pytest.mark.parametrize(
    ("written", "known"),
    [("./a/b", "a/b"), ("/a//b/", "a/b"), ("//a", "a"), ("../a", "a"), ("a/../../b", "b"), (".", ""), ("/", "")],
)
def test_a_path_is_known_by_one_name(written: str, known: str) -> None:
    assert clean(written) == known


def test_a_path_lies_in_all_directories_up_to_the_root() -> None:
    assert list(ancestors("a/b/c")) == ["a/b", "a", ""]
    assert list(ancestors("")) == []


def test_nothing_of_an_entry_is_taken_for_a_whiteout_but_its_last_name() -> None:
    with tarfile.open(fileobj=io.BytesIO(layer(file("a.wh.b", b""), file(".wh.d/e", b"")))) as archive:
        done = scan(archive)
    assert done.entries["a.wh.b"].kind == Kind.FILE
    assert done.entries[".wh.d/e"].kind == Kind.FILE
    assert not done.removed
