"""What every source keeps to."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import OperationError, Stalled
from core.interfaces import Source
from core.states import RefKind
from core.testing.contexts import attempt_context
from core.testing.git_server import WorkTree
from core.values import Changes, Heads, Options, RepositoryPlace

#: Names that Git allows and that a careless program takes for something else.
STRANGE_NAMES = (
    "we;ird&name",
    "a'b\"c",
    "$(touch)`x`",
    "é/ü",
    "v1.0-rc",
    "a/b/c",
    "<b>",
    "%2e%2e",
    "@",
    "x{y}",
    "--force",
)


class SourceConformance:
    """Inherit it in a test class and override the fixtures that raise; `pytest` does the rest.

    Use the real thing behind the source wherever that can be had. The source keeps its data in `tmp_path / "data"`.
    """

    # What you provide

    @pytest.fixture
    def source(self) -> Source:
        """The source under test."""
        raise NotImplementedError

    @pytest.fixture
    def place(self, tmp_path: Path) -> RepositoryPlace:
        """An empty repository of its own."""
        raise NotImplementedError

    @pytest.fixture
    def work(self, place: RepositoryPlace, tmp_path: Path) -> WorkTree:
        """Somebody's clone of it, to push from."""
        raise NotImplementedError

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> RepositoryPlace:
        """A repository that does not answer."""
        raise NotImplementedError

    @pytest.fixture
    def look(self, source: Source, place: RepositoryPlace, tmp_path: Path) -> Callable[..., Heads]:
        """Look at the repository."""

        def look(validator: str = "") -> Heads:
            return asyncio.run(source.heads(place, validator, attempt_context(tmp_path).data))

        return look

    # What it has to keep to

    def test_it_says_what_it_is(self, source: Source) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", source.kind)
        assert issubclass(source.Options, Options)
        assert source.Options.model_json_schema()["type"] == "object"

    def test_an_empty_repository_has_no_heads(self, look: Callable[..., Heads]) -> None:
        assert look().heads == ()

    def test_a_commit_is_told_with_its_message_author_and_time(
        self, work: WorkTree, look: Callable[..., Heads]
    ) -> None:
        hash = work.commit("Say hello\n\nAt length.")
        work.push("main")
        (head,) = look().heads
        assert (head.ref, head.kind, head.trusted) == ("refs/heads/main", RefKind.BRANCH, True)
        assert (head.commit.hash, head.commit.title) == (hash, "Say hello")
        assert "At length." in head.commit.message
        assert "A. Author" in head.commit.author
        assert head.commit.committed_at is not None
        assert head.commit.committed_at.tzinfo is not None

    def test_nothing_changed_since_the_last_look(self, work: WorkTree, look: Callable[..., Heads]) -> None:
        work.commit("First")
        work.push("main")
        first = look()
        assert not first.unchanged
        assert look(first.validator).unchanged

    def test_a_push_is_seen(self, work: WorkTree, look: Callable[..., Heads]) -> None:
        work.commit("First")
        work.push("main")
        before = look()
        second = work.commit("Second")
        work.push("main")
        after = look(before.validator)
        assert [head.commit.hash for head in after.heads] == [second]

    def test_one_file_of_a_commit_can_be_had(
        self, source: Source, place: RepositoryPlace, work: WorkTree, tmp_path: Path
    ) -> None:
        work.write("docker/Dockerfile", "FROM scratch\n")
        hash = work.commit("With a file")
        work.push("main")

        def file(path: str) -> bytes | None:
            return asyncio.run(source.file(place, hash, path, attempt_context(tmp_path)))

        assert file("docker/Dockerfile") == b"FROM scratch\n"
        assert file("docker") is None
        assert file("Dockerfile") is None
        assert file("../../etc/passwd") is None

    def test_a_rewritten_and_a_deleted_branch_are_seen(self, work: WorkTree, look: Callable[..., Heads]) -> None:
        first = work.commit("First")
        work.push("main")
        work.push("main:topic")
        work.commit("Second")
        work.push("main")
        before = look()
        work.reset(first)
        other = work.commit("Another second")
        work.push("main", force=True)
        work.push(":topic")
        after = look(before.validator)
        assert _commits(after) == {"refs/heads/main": other}

    @pytest.mark.parametrize("name", STRANGE_NAMES)
    def test_a_branch_may_have_any_name_that_git_allows(
        self, work: WorkTree, look: Callable[..., Heads], name: str
    ) -> None:
        hash = work.commit("First")
        work.push(f"HEAD:refs/heads/{name}")
        assert _commits(look()) == {f"refs/heads/{name}": hash}

    async def test_a_checkout_has_exactly_the_files_of_the_commit(
        self, source: Source, place: RepositoryPlace, work: WorkTree, tmp_path: Path
    ) -> None:
        work.write("a.txt", "one")
        work.write("deep/b.txt", "two")
        first = work.commit("First")
        work.write("a.txt", "changed")
        work.write("new.txt", "three")
        work.commit("Second")
        work.push("main")
        directory = tmp_path / "out"
        await source.checkout(place, first, directory, attempt_context(tmp_path))
        assert _files(directory) == {"a.txt": "one", "deep/b.txt": "two"}

    async def test_two_checkouts_at_once_are_in_nobodys_way(
        self, source: Source, place: RepositoryPlace, work: WorkTree, tmp_path: Path
    ) -> None:
        commits = []
        for number in range(4):
            work.write("a.txt", str(number))
            commits.append(work.commit(f"Commit {number}"))
        work.push("main")
        out = [tmp_path / f"out-{number}" for number in range(4)]
        contexts = [attempt_context(tmp_path) for _ in range(4)]
        await asyncio.gather(
            *(source.checkout(place, commit, to, each) for commit, to, each in zip(commits, out, contexts, strict=True))
        )
        assert [_files(each)["a.txt"] for each in out] == ["0", "1", "2", "3"]

    async def test_a_commit_that_is_gone_will_not_come_back(
        self, source: Source, place: RepositoryPlace, work: WorkTree, tmp_path: Path
    ) -> None:
        work.commit("First")
        work.push("main")
        with pytest.raises(Stalled):
            await source.checkout(place, "1" * 40, tmp_path / "out", attempt_context(tmp_path))

    async def test_what_changed_between_two_commits_is_told(
        self, source: Source, place: RepositoryPlace, work: WorkTree, tmp_path: Path
    ) -> None:
        """Where it can be told at all: forward, backward, and after the branch was rewritten."""
        data = attempt_context(tmp_path).data
        first, second = work.commit("First"), work.commit("Second\n\nAt length.")
        third = work.commit("<b>Third</b>")
        work.push("main")
        told = await source.changes(place, first, third, data)
        if told is None:
            pytest.skip("this source cannot tell what changed")
        assert [(each.hash, each.title) for each in told.commits] == [(third, "<b>Third</b>"), (second, "Second")]
        assert "A. Author" in told.commits[0].author
        assert (told.cut, told.forward) == (False, True)
        assert await source.changes(place, third, third, data) == Changes()
        assert await source.changes(place, third, first, data) == Changes(forward=False)
        work.reset(first)
        other = work.commit("Another second")
        work.push("main", force=True)
        told = await source.changes(place, third, other, data)
        assert told
        assert ([each.hash for each in told.commits], told.forward) == ([other], False)
        with pytest.raises(Stalled):
            await source.changes(place, "1" * 40, other, data)

    async def test_a_repository_that_does_not_answer_may_answer_later(
        self, source: Source, nowhere: RepositoryPlace, tmp_path: Path
    ) -> None:
        with pytest.raises(OperationError) as caught:
            await source.heads(nowhere, "", attempt_context(tmp_path).data)
        assert not isinstance(caught.value, Stalled)
        assert str(caught.value)


def _commits(heads: Heads) -> dict[str, str]:
    return {head.ref: head.commit.hash for head in heads.heads}


def _files(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in directory.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }
