"""A hint reaches every process of this host, and a process that is gone, stuck or forked harms nobody."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from core.errors import ConfigurationError
from core.layers import LocalChannelLayer

#: A process that answers what it hears in the group `asked`: into the group `answered`, with what it heard.
ECHO = """
import asyncio, sys
from core.layers import LocalChannelLayer

async def main():
    layer = LocalChannelLayer(sys.argv[1])
    channel = await layer.new_channel()
    await layer.group_add("asked", channel)
    print("listening", flush=True)
    while True:
        heard = await layer.receive(channel)
        await layer.group_send("answered", {"type": "answer", "heard": heard})

asyncio.run(main())
"""

#: A short-lived process of synchronous code that only sends.
SENDER = """
import sys
from asgiref.sync import async_to_sync
from core.layers import LocalChannelLayer

layer = LocalChannelLayer(sys.argv[1])
for number in range(int(sys.argv[2])):
    async_to_sync(layer.group_send)("answered", {"type": "answer", "heard": number})
assert layer._inbox is None
"""


@pytest.fixture
def directory() -> Iterator[Path]:
    # Not tmp_path, which can be too long for a socket: that is another test.
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "layer"


@pytest.fixture
async def layer(directory: Path) -> AsyncIterator[LocalChannelLayer]:
    made = LocalChannelLayer(str(directory))
    yield made
    await made.close()


@contextlib.asynccontextmanager
async def process(source: str, *arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    words = [sys.executable, "-c", source, *map(str, arguments)]
    started = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


@contextlib.asynccontextmanager
async def echo(directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    async with process(ECHO, directory) as started:
        assert started.stdout is not None
        assert await started.stdout.readline() == b"listening\n"
        yield started


async def joined(layer: LocalChannelLayer, group: str) -> str:
    channel: str = await layer.new_channel()
    await layer.group_add(group, channel)
    return channel


def inboxes(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def is_silent(layer: LocalChannelLayer, channel: str) -> bool:
    """Whether nothing is on its way to a channel of this process: what was sent before has arrived when this has."""
    await layer.send(channel, {"type": "end"})
    return (await layer.receive(channel))["type"] == "end"


# Between processes


async def test_a_process_hears_what_another_sends_and_the_other_way_round(
    layer: LocalChannelLayer, directory: Path
) -> None:
    async with echo(directory):
        channel = await joined(layer, "answered")
        for number in range(100):
            await layer.group_send("asked", {"type": "ask", "number": number})
            heard = await layer.receive(channel)
            assert heard == {"type": "answer", "heard": {"type": "ask", "number": number}}


async def test_everybody_hears_once(layer: LocalChannelLayer, directory: Path) -> None:
    async with echo(directory), echo(directory), echo(directory):
        channels = [await joined(layer, "answered"), await joined(layer, "answered")]
        await layer.group_send("asked", {"type": "ask"})
        for channel in channels:
            for _ in range(3):
                assert (await layer.receive(channel))["type"] == "answer"
            assert await is_silent(layer, channel)


async def test_synchronous_code_that_only_sends_makes_no_inbox(layer: LocalChannelLayer, directory: Path) -> None:
    channel = await joined(layer, "answered")
    async with process(SENDER, directory, 5) as sender:
        assert [(await layer.receive(channel))["heard"] for _ in range(5)] == [0, 1, 2, 3, 4]
        assert await sender.wait() == 0
    assert len(inboxes(directory)) == 1


async def test_a_burst_of_hints_arrives_whole_at_who_keeps_up(layer: LocalChannelLayer, directory: Path) -> None:
    channel, sender = await joined(layer, "answered"), LocalChannelLayer(str(directory))

    async def keep_up() -> list[int]:
        return [(await layer.receive(channel))["number"] for _ in range(300)]

    reader = asyncio.create_task(keep_up())
    for number in range(300):
        await sender.group_send("answered", {"type": "answer", "number": number})
    assert await reader == list(range(300))


async def test_a_killed_process_leaves_nothing_behind_after_the_next_hint(
    layer: LocalChannelLayer, directory: Path
) -> None:
    async with echo(directory) as killed, echo(directory):
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
        assert len(inboxes(directory)) == 2
        channel = await joined(layer, "answered")
        await layer.group_send("asked", {"type": "ask"})
        assert (await layer.receive(channel))["type"] == "answer"
        assert not [name for name in inboxes(directory) if name.startswith(f"{killed.pid}-")]


async def test_a_process_that_ends_takes_its_inbox_with_it(directory: Path) -> None:
    source = ECHO.replace("while True:", "if False:")
    async with process(source, directory) as ended:
        assert await ended.wait() == 0
    assert inboxes(directory) == set()


async def test_a_process_that_is_stuck_holds_up_nobody(layer: LocalChannelLayer, directory: Path) -> None:
    async with echo(directory) as stuck, echo(directory):
        stuck.send_signal(signal.SIGSTOP)
        channel = await joined(layer, "answered")
        for _ in range(200):
            await layer.group_send("asked", {"type": "ask"})
            assert (await layer.receive(channel))["type"] == "answer"
        # It is waited for once, and no longer before it takes something again.
        assert {path.name.partition("-")[0] for path in layer._slow} == {str(stuck.pid)}
        stuck.send_signal(signal.SIGCONT)
        while layer._slow:
            await layer.group_send("asked", {"type": "ask"})
            await asyncio.sleep(0.001)


def test_a_forked_process_does_not_steal_what_its_parent_hears(directory: Path) -> None:
    layer = LocalChannelLayer(str(directory))

    async def main() -> None:
        channel = await joined(layer, "answered")
        mine = inboxes(directory)
        child = os.fork()
        if not child:
            # It ends whatever happens, so that a failure here is no second run of the tests.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            status = 1
            try:
                status = asyncio.new_event_loop().run_until_complete(in_child(mine))
            finally:
                os._exit(status)
        assert (await layer.receive(channel))["heard"] == "from the child"
        assert await is_silent(layer, channel)
        assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
        assert mine <= inboxes(directory)
        await layer.close()

    async def in_child(parents: set[str]) -> int:
        if layer.groups:
            return 2
        channel = await joined(layer, "answered")
        both = inboxes(directory) > parents and len(inboxes(directory)) == 2
        await layer.group_send("answered", {"type": "answer", "heard": "from the child"})
        heard = (await layer.receive(channel))["heard"]
        await layer.close()
        return 0 if both and heard == "from the child" and inboxes(directory) == parents else 1

    asyncio.run(main())


# Loops


def test_a_new_loop_listens_again_and_the_old_inbox_goes(directory: Path) -> None:
    layer = LocalChannelLayer(str(directory))
    seen = []

    async def main() -> None:
        async with echo(directory) as other:
            channel = await joined(layer, "answered")
            await layer.group_send("asked", {"type": "ask"})
            assert (await layer.receive(channel))["type"] == "answer"
            seen.append({name for name in inboxes(directory) if not name.startswith(f"{other.pid}-")})

    asyncio.run(main())
    asyncio.run(main())
    assert [len(names) for names in seen] == [1, 1]
    assert seen[0] != seen[1]


def test_a_loop_that_ended_with_listeners_does_not_spoil_later_hints(directory: Path) -> None:
    layer = LocalChannelLayer(str(directory))
    async_to_sync(joined)(layer, "answered")
    for _ in range(50):
        async_to_sync(layer.group_send)("answered", {"type": "answer"})
    assert not layer._slow


async def test_a_hint_from_another_thread_reaches_the_loop_that_listens(layer: LocalChannelLayer) -> None:
    channel = await joined(layer, "answered")

    def send() -> None:
        asyncio.run(layer.group_send("answered", {"type": "answer"}))

    thread = threading.Thread(target=send)
    thread.start()
    assert await layer.receive(channel) == {"type": "answer"}
    thread.join()
    assert await is_silent(layer, channel)


async def test_an_inbox_that_somebody_removed_is_made_again(layer: LocalChannelLayer, directory: Path) -> None:
    channel = await joined(layer, "answered")
    for path in directory.iterdir():
        path.unlink()
    await joined(layer, "other")
    async with process(SENDER, directory, 1):
        assert (await layer.receive(channel))["heard"] == 0


# Directories


async def test_a_very_long_directory_is_stood_for_by_a_short_one_of_ones_own(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 30)
    layer = LocalChannelLayer(str(long))
    async with echo(long):
        channel = await joined(layer, "answered")
        await layer.group_send("asked", {"type": "ask"})
        assert (await layer.receive(channel))["type"] == "answer"
    assert stat.S_IMODE(layer._directory.stat().st_mode) == 0o700
    assert layer._directory.parent == Path(tempfile.gettempdir())
    await layer.close()
    shutil.rmtree(layer._directory)


async def test_only_its_user_can_look_into_the_directory(layer: LocalChannelLayer, directory: Path) -> None:
    directory.mkdir(mode=0o755)
    await joined(layer, "answered")
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
async def test_a_directory_that_somebody_else_made_is_refused(layer: LocalChannelLayer, directory: Path) -> None:
    directory.mkdir()
    os.chown(directory, 12345, -1)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        await joined(layer, "answered")
    await layer.group_send("answered", {"type": "answer"})


async def test_a_link_that_somebody_put_there_is_refused(
    layer: LocalChannelLayer, directory: Path, tmp_path: Path
) -> None:
    directory.symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        await joined(layer, "answered")


async def test_sending_before_anybody_listened_is_harmless(layer: LocalChannelLayer, directory: Path) -> None:
    await layer.group_send("answered", {"type": "answer"})
    assert not directory.exists()


# As in memory


async def test_channels_work_as_in_memory(layer: LocalChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "message", "bytes": b"stay in the process"})
    assert (await layer.receive(channel))["bytes"] == b"stay in the process"
    await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "one"})
    assert await layer.receive(channel) == {"type": "one"}
    await layer.group_discard("group", channel)
    await layer.group_send("group", {"type": "two"})
    assert await is_silent(layer, channel)
    await layer.group_add("group", channel)
    await layer.flush()
    await layer.group_send("group", {"type": "three"})
    assert await is_silent(layer, channel)


@pytest.mark.parametrize("message", [{"type": "x" * 65_536}, {"type": b"bytes"}])
async def test_what_cannot_be_sent_is_refused_whole(layer: LocalChannelLayer, message: dict[str, Any]) -> None:
    channel = await joined(layer, "answered")
    with pytest.raises((ValueError, TypeError)):
        await layer.group_send("answered", message)
    assert await is_silent(layer, channel)


async def test_the_largest_message_arrives(layer: LocalChannelLayer, directory: Path) -> None:
    message = {"type": "ask", "text": ""}
    message["text"] = "x" * (65_000 - len(json.dumps(message)))
    async with echo(directory):
        channel = await joined(layer, "answered")
        await layer.group_send("asked", message)
        assert (await layer.receive(channel))["heard"] == message
