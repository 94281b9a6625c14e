"""What a command prints reaches the log whole and at once, and no command outlives its await."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.errors import SHORT_OF, CommandFailed, OperationError, Stalled
from core.logs.store import LogStore
from core.logs.writer import LogWriter
from core.processes import ask, run

NAME = "2026-11-23/000001-build.log"


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path / "logs")


def python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


def printed(store: LogStore) -> bytes:
    """The log without its first line, which is the command."""
    return store.read(NAME, 0, store.size(NAME)).partition(b"\n")[2]


def open_files() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


async def until_printed(store: LogStore, text: bytes) -> None:
    while text not in printed(store):
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def running(log: LogWriter, *command: str) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run(command, log=log))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("print(*range(200_000), sep='\\n')", b"".join(b"%d\n" % number for number in range(200_000))),
        ("print('x' * 10_000_000, end='')", b"x" * 10_000_000),
        (r"import os; os.write(1, b'\0\xff\n' * 1000)", b"\0\xff\n" * 1000),
        (r"import os; [os.write(1 + n % 2, b'%d ' % n) for n in range(99)]", b"".join(b"%d " % n for n in range(99))),
        ("pass", b""),
    ],
    ids=["many lines", "one line of 10 MB", "no text", "errors in between", "nothing"],
)
async def test_everything_that_is_printed_is_in_the_log_in_order(store: LogStore, source: str, expected: bytes) -> None:
    log = store.open(NAME)
    await run(python(source), log=log)
    log.close()
    assert printed(store) == expected


async def test_what_is_printed_is_shown_while_the_command_runs(store: LogStore) -> None:
    async with running(store.open(NAME), "sh", "-c", "printf 'Password: '; sleep 1000"):
        await until_printed(store, b"Password: ")


async def test_what_a_child_in_the_background_prints_is_in_the_log(store: LogStore) -> None:
    await run(("sh", "-c", "(sleep 0.1; echo late) & echo early"), log=store.open(NAME))
    assert printed(store) == b"early\nlate\n"


async def test_a_command_that_fails_tells_its_status_after_all_that_it_printed(store: LogStore) -> None:
    with pytest.raises(CommandFailed, match="exited with status 3"):
        await run(("sh", "-c", "echo the cause >&2; exit 3"), log=store.open(NAME))
    assert printed(store) == b"the cause\n"


async def test_a_command_that_is_not_installed_says_so_and_leaves_nothing_open(store: LogStore) -> None:
    log = store.open(NAME)
    before = set(open_files())
    with pytest.raises(Stalled, match="not-there is not installed"):
        await run(("not-there",), log=log)
    with pytest.raises(FileNotFoundError):
        await run(("true",), log=log, cwd=Path("/not/there"))
    # Fewer where garbage of other tests went meanwhile.
    assert set(open_files()) <= before


async def test_cancelling_ends_the_command_and_all_that_it_started(store: LogStore) -> None:
    async with running(store.open(NAME), "sh", "-c", "sleep 1000 & echo $! started; wait") as task:
        await until_printed(store, b"started")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    child = Path("/proc", printed(store).split()[0].decode(), "stat")
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        await asyncio.sleep(0.001)


async def test_a_log_that_cannot_be_written_ends_the_command(store: LogStore) -> None:
    store.path(NAME).parent.mkdir(parents=True)
    store.path(NAME).symlink_to("/dev/full")
    with pytest.raises(OperationError, match="No space left"):
        await run(("yes",), log=store.open(NAME))


async def test_a_command_that_never_stops_printing_leaves_others_their_turn(store: LogStore) -> None:
    async with running(store.open(NAME), "yes", "flood"):
        await until_printed(store, b"flood")
        for _ in range(100):
            await asyncio.sleep(0)


@pytest.mark.parametrize("number", sorted(SHORT_OF))
async def test_what_fails_as_its_host_is_short_of_something_is_tried_again(number: int) -> None:
    source = f"import os; raise SystemExit('begun\\n/a/b: ' + os.strerror({number}) + '\\nended')"
    with pytest.raises(OperationError, match=rf"python\S*: /a/b: {os.strerror(number)}$") as caught:
        await ask(python(source))
    assert not isinstance(caught.value, Stalled)
