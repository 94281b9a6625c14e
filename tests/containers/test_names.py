"""Names of images, as people and engines write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers.names import ImageName, digest_in, short
from core.api import Stalled

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "name"),
    [
        ("busybox", "docker.io", "library/busybox", "", "", "busybox"),
        ("demo/hello:live", "docker.io", "demo/hello", "live", "", "demo/hello"),
        ("docker.io/library/busybox", "docker.io", "library/busybox", "", "", "busybox"),
        ("index.docker.io/a/b", "docker.io", "a/b", "", "", "a/b"),
        ("ghcr.io/a/b:1.0", "ghcr.io", "a/b", "1.0", "", "ghcr.io/a/b"),
        ("localhost/a", "localhost", "a", "", "", "localhost/a"),
        ("127.0.0.1:5000/a/b:live", "127.0.0.1:5000", "a/b", "live", "", "127.0.0.1:5000/a/b"),
        (f"a/b:live@{DIGEST}", "docker.io", "a/b", "live", DIGEST, "a/b"),
        (f"a/b@{DIGEST}", "docker.io", "a/b", "", DIGEST, "a/b"),
        ("[::1]:5000/a", "[::1]:5000", "a", "", "", "[::1]:5000/a"),
    ],
)
def test_a_name_is_read_as_docker_reads_it(
    text: str, registry: str, repository: str, tag: str, digest: str, name: str
) -> None:
    read = ImageName.parse(text)
    assert (read.registry, read.repository, read.tag, read.digest) == (registry, repository, tag, digest)
    assert read.name == name
    assert ImageName.parse(str(read)) == read


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "-rm", "UPPER", "a//b", "a:b:c", "../a", "a/../b", "a@sha256:12", "a:ta g", "http://a/b", "a\n"],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(Stalled, match="no image's name"):
        ImageName.parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        read = ImageName.parse(text)
    except Stalled:
        return
    assert ImageName.parse(str(read)) == read
    assert not str(read).startswith("-")


def test_the_digest_that_a_reference_is_pinned_to() -> None:
    assert digest_in(f"a/b:live@{DIGEST}") == DIGEST
    assert digest_in("a/b:live") == digest_in("") == digest_in("a@sha256:12") == ""


def test_a_sentence_has_the_beginning_of_a_digest() -> None:
    assert short(f"a/b:live@{DIGEST}") == "a/b:live@abababababab"
    assert short("a/b:live") == "a/b:live"
