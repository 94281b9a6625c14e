"""The source `git` against real repositories: in files, over HTTP, over ssh."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.api import OperationError, RefKind, RepositoryPlace, Stalled
from core.engine.worker import judge
from core.states import JobState
from core.testing.conformance.sources import SourceConformance
from core.testing.contexts import attempt_context
from core.testing.git_server import GitServer, WorkTree, run_git
from core.testing.logs import RecordingLog
from plugins.git.source import SECRET, GitOptions, GitSource
from tests.real import fill, small_disk
from tests.ssh_server import sshd

NAME = "acme/shop"


def at(url: str, **options: object) -> RepositoryPlace:
    return RepositoryPlace(name=NAME, options=GitOptions(url=url, **options))


class TestOverHttp(SourceConformance):
    @pytest.fixture
    def source(self) -> GitSource:
        return GitSource()

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[GitServer]:
        with GitServer(tmp_path / "server") as server:
            server.create(NAME)
            yield server

    @pytest.fixture
    def place(self, server: GitServer) -> RepositoryPlace:
        return at(server.url(NAME))

    @pytest.fixture
    def work(self, server: GitServer, tmp_path: Path) -> WorkTree:
        return WorkTree(tmp_path / "work", server.url(NAME))

    @pytest.fixture
    def nowhere(self) -> RepositoryPlace:
        return at("http://127.0.0.1:9/nobody.git")


class TestInFiles(SourceConformance):
    @pytest.fixture
    def source(self) -> GitSource:
        return GitSource()

    @pytest.fixture
    def place(self, tmp_path: Path) -> RepositoryPlace:
        run_git("init", "--bare", "--quiet", "--initial-branch=main", str(tmp_path / "bare"))
        return at(str(tmp_path / "bare"))

    @pytest.fixture
    def work(self, place: RepositoryPlace, tmp_path: Path) -> WorkTree:
        return WorkTree(tmp_path / "work", str(tmp_path / "bare"))

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> RepositoryPlace:
        return at(str(tmp_path / "nobody"))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    run_git("init", "--bare", "--quiet", "--initial-branch=main", str(tmp_path / "bare"))
    return tmp_path / "bare"


@pytest.fixture
def work(bare: Path, tmp_path: Path) -> WorkTree:
    return WorkTree(tmp_path / "work", str(bare))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return attempt_context(tmp_path).data


async def test_ten_thousand_refs_are_told(bare: Path, work: WorkTree, data: Path) -> None:
    hash = work.commit("First")
    work.push("main")
    lines = "".join(f"create refs/heads/b{number:05d} {hash}\n" for number in range(10_000))
    run_git("update-ref", "--stdin", cwd=bare, stdin=lines)
    heads = await GitSource().heads(at(str(bare)), "", data)
    assert len(heads.heads) == 10_001
    assert heads.default_branch == "main"


async def test_pull_requests_are_told_where_asked_for_and_trusted_only_where_allowed(
    bare: Path, work: WorkTree, data: Path
) -> None:
    work.commit("Please")
    work.push("HEAD:refs/pull/7/head")
    assert (await GitSource().heads(at(str(bare)), "", data)).heads == ()
    (head,) = (await GitSource().heads(at(str(bare), pull_requests="refs/pull/*/head"), "", data)).heads
    assert (head.kind, head.trusted, head.title) == (RefKind.PULL_REQUEST, False, "Please")
    trusting = at(str(bare), pull_requests="refs/pull/*/head", trust_pull_requests=True)
    (head,) = (await GitSource().heads(trusting, "", data)).heads
    assert head.trusted


async def test_branches_that_do_not_count_are_left_out(bare: Path, work: WorkTree, data: Path) -> None:
    work.commit("First")
    work.push("HEAD:live", "HEAD:gh-pages", "HEAD:topic/a")
    told = await GitSource().heads(at(str(bare), branches=["live", "topic/*"]), "", data)
    assert [head.ref for head in told.heads] == ["refs/heads/live", "refs/heads/topic/a"]


async def test_a_message_may_hold_anything(bare: Path, work: WorkTree, data: Path, tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b"caf\xe9 \xff\n\n" + b"x" * 100_000)
    run_git("commit", "--allow-empty", "--quiet", "--file", str(tmp_path / "message"), cwd=work.path)
    work.push("main")
    (head,) = (await GitSource().heads(at(str(bare)), "", data)).heads
    assert head.commit.title == "café ÿ", "git takes what is no UTF-8 for Latin-1"


async def test_a_damaged_mirror_is_made_anew(bare: Path, work: WorkTree, data: Path, tmp_path: Path) -> None:
    work.write("a.txt", "one")
    work.commit("First")
    work.push("main")
    await GitSource().heads(at(str(bare)), "", data)
    (mirror,) = (data / "mirrors").glob("*.git")
    shutil.rmtree(mirror / "objects")
    (mirror / "objects").mkdir()
    second = work.commit("Second")
    work.push("main")
    (head,) = (await GitSource().heads(at(str(bare)), "", data)).heads
    assert head.commit.hash == second
    await GitSource().checkout(at(str(bare)), second, tmp_path / "out", attempt_context(tmp_path))
    assert (tmp_path / "out" / "a.txt").read_text() == "one"


async def test_a_checkout_from_a_damaged_mirror_mends_it(
    bare: Path, work: WorkTree, data: Path, tmp_path: Path
) -> None:
    work.write("a.txt", "one")
    hash = work.commit("First")
    work.push("main")
    await GitSource().heads(at(str(bare)), "", data)
    (mirror,) = (data / "mirrors").glob("*.git")
    shutil.rmtree(mirror / "objects")
    (mirror / "objects").mkdir()
    await GitSource().checkout(at(str(bare)), hash, tmp_path / "out", attempt_context(tmp_path))
    assert (tmp_path / "out" / "a.txt").read_text() == "one"


async def test_no_room_for_a_checkout_passes_and_costs_no_mirror(
    bare: Path, work: WorkTree, data: Path, tmp_path: Path
) -> None:
    work.write("a.txt", "one")
    hash = work.commit("First")
    work.push("main")
    await GitSource().heads(at(str(bare)), "", data)
    with small_disk(tmp_path / "disk") as disk:
        out, ballast, kept = disk / "out", fill(disk), sorted((data / "mirrors").rglob("*"))
        with pytest.raises(OperationError, match=r"cannot be written.*unable to write file") as caught:
            await GitSource().checkout(at(str(bare)), hash, out, attempt_context(tmp_path))
        assert not isinstance(caught.value, Stalled), "it is tried again"
        assert sorted((data / "mirrors").rglob("*")) == kept
        ballast.unlink()
        shutil.rmtree(out)
        await GitSource().checkout(at(str(bare)), hash, out, attempt_context(tmp_path))
        assert (out / "a.txt").read_text() == "one"


async def test_no_room_for_a_mirror_passes(bare: Path, work: WorkTree, data: Path, tmp_path: Path) -> None:
    hash = work.commit("First")
    work.push("main")
    with small_disk(data / "mirrors") as disk:
        ballast = fill(disk)
        with pytest.raises((OperationError, OSError), match="No space left on device") as caught:
            await GitSource().checkout(at(str(bare)), hash, tmp_path / "out", attempt_context(tmp_path))
        assert judge(caught.value, 0).state == JobState.QUEUED, "it is tried again"
        ballast.unlink()
        await GitSource().checkout(at(str(bare)), hash, tmp_path / "out", attempt_context(tmp_path))


async def test_a_mirror_that_lost_its_objects_is_made_anew(bare: Path, work: WorkTree, data: Path) -> None:
    hash = work.commit("First")
    work.push("main")
    await GitSource().heads(at(str(bare)), "", data)
    (mirror,) = (data / "mirrors").glob("*.git")
    shutil.rmtree(mirror / "objects")
    (mirror / "objects").mkdir()
    (head,) = (await GitSource().heads(at(str(bare)), "", data)).heads
    assert head.commit.hash == hash


async def test_what_a_killed_git_left_locked_is_free_again(bare: Path, work: WorkTree, data: Path) -> None:
    work.commit("First")
    work.push("main")
    await GitSource().heads(at(str(bare)), "", data)
    (mirror,) = (data / "mirrors").glob("*.git")
    for name in ("config.lock", "packed-refs.lock", "shallow.lock"):
        (mirror / name).touch()
    work.commit("Second")
    work.push("main")
    assert (await GitSource().heads(at(str(bare)), "", data)).heads


async def test_submodules_are_checked_out(bare: Path, work: WorkTree, tmp_path: Path) -> None:
    run_git("init", "--bare", "--quiet", "--initial-branch=main", str(tmp_path / "part"))
    part = WorkTree(tmp_path / "part-work", str(tmp_path / "part"))
    part.write("inside.txt", "a part")
    part.commit("Part")
    part.push("main")
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../part", "part")
    run_git(*add, cwd=work.path)
    hash = work.commit("With a part")
    work.push("main")
    log = RecordingLog()
    await GitSource().checkout(at(str(bare)), hash, tmp_path / "out", attempt_context(tmp_path, log))
    assert (tmp_path / "out" / "part" / "inside.txt").read_text() == "a part"
    assert not (tmp_path / "out" / ".git").exists()


async def test_the_history_is_there_where_asked_for(bare: Path, work: WorkTree, tmp_path: Path) -> None:
    work.commit("First")
    hash = work.commit("Second")
    work.push("main")
    await GitSource().checkout(at(str(bare), include_git=True), hash, tmp_path / "out", attempt_context(tmp_path))
    assert run_git("rev-list", "--count", "HEAD", cwd=tmp_path / "out").strip() == "2"


async def test_nothing_of_a_repository_is_run_by_checking_it_out(bare: Path, work: WorkTree, tmp_path: Path) -> None:
    trap = tmp_path / "trapped"
    work.write(".gitattributes", "* filter=trap\n")
    work.write("a.txt", "one")
    (work.path / "link").symlink_to("/etc/passwd")
    hash = work.commit("Trap")
    work.push("main")
    (bare / "config").write_text((bare / "config").read_text() + f'[filter "trap"]\n\tsmudge = touch {trap}\n')
    await GitSource().checkout(at(str(bare)), hash, tmp_path / "out", attempt_context(tmp_path))
    assert not trap.exists()
    assert (tmp_path / "out" / "link").is_symlink()


async def test_a_password_is_in_no_error(tmp_path: Path, data: Path) -> None:
    with GitServer(tmp_path / "server", login="ann:secret-word") as server:
        server.create(NAME)
        url = server.url(NAME).replace("http://", "http://ann:wrong-word@")
        with pytest.raises(OperationError) as caught:
            await GitSource().heads(at(url), "", data)
        assert "wrong-word" not in str(caught.value)
        assert "asks for a password" in str(caught.value)
        right = server.url(NAME).replace("http://", "http://ann:secret-word@")
        assert (await GitSource().heads(at(right), "", data)).heads == ()


async def test_over_ssh(tmp_path: Path, bare: Path, work: WorkTree, data: Path) -> None:
    work.write("a.txt", "one")
    hash = work.commit("First")
    work.push("main")
    with sshd(tmp_path / "ssh") as server:
        place = at(server.url(bare), identity_file=str(server.identity), known_hosts_file=str(server.known_hosts))
        (head,) = (await GitSource().heads(place, "", data)).heads
        assert head.commit.hash == hash
        await GitSource().checkout(place, hash, tmp_path / "out", attempt_context(tmp_path))
        assert (tmp_path / "out" / "a.txt").read_text() == "one"
        stranger = at(server.url(bare), identity_file="/dev/null", known_hosts_file=str(server.known_hosts))
        with pytest.raises(OperationError, match="key that this host does not have"):
            await GitSource().heads(stranger, "", data)


async def test_looks_and_checkouts_at_once_share_one_mirror(bare: Path, work: WorkTree, tmp_path: Path) -> None:
    hashes = []
    for number in range(5):
        work.write("a.txt", str(number))
        hashes.append(work.commit(str(number)))
        work.push(f"HEAD:b{number}")
    source, place = GitSource(), at(str(bare))
    contexts = [attempt_context(tmp_path) for _ in hashes]
    looks = [source.heads(place, "", contexts[0].data) for _ in range(5)]
    outs = [
        source.checkout(place, hash, tmp_path / f"out-{hash}", context)
        for hash, context in zip(hashes, contexts, strict=True)
    ]
    await asyncio.gather(*looks, *outs)
    assert [(tmp_path / f"out-{hash}" / "a.txt").read_text() for hash in hashes] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("url", ["ext::sh -c touch", "--upload-pack=touch", "-x", "relative/path", "http://a\nb", ""])
def test_a_url_that_git_would_take_for_something_else_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="it is a path that begins with /"):
        GitOptions(url=url)


@pytest.mark.parametrize("url", ["https://h/r.git", "ssh://git@h:22/r", "git@h:o/r.git", "/srv/r.git", "file:///srv/r"])
def test_the_usual_urls_are_accepted(url: str) -> None:
    assert GitOptions(url=url).url == url


def test_a_webhook_names_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    assert GitSource().webhook({}, {"repository": "a/b"}, b"").look == ("a/b",)
    with pytest.raises(ValueError, match=r"\?repository="):
        GitSource().webhook({}, {}, b"")
    monkeypatch.setenv(SECRET, "open sesame")
    with pytest.raises(PermissionError, match=SECRET):
        GitSource().webhook({"x-deployer-secret": "no"}, {"repository": "a/b"}, b"")
    assert GitSource().webhook({"x-deployer-secret": "open sesame"}, {"repository": "a/b"}, b"").look == ("a/b",)


def test_pages_about_commits_and_refs() -> None:
    place = at("/srv/r.git", commit_url="https://h/c/{commit}", ref_url="https://h/t/{ref}")
    assert GitSource().commit_url(place, "abc") == "https://h/c/abc"
    assert GitSource().ref_url(place, "refs/heads/live") == "https://h/t/live"
