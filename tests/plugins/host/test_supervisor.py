"""The supervisor keeps one process running, alone, whoever started it is gone or not."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.api import OperationError
from plugins.host import rotating, supervision
from plugins.host.releases import ServiceDirectory
from tests.plugins.host.world import service_processes, supervisors, write_files

PYTHON = (sys.executable, "-S", "-I", "-c")
#: Says which release it is, and stays.
STAY = "import os, time; print('here', os.getcwd(), flush=True); time.sleep(3600)"

#: Starts a supervisor, and ends.
STARTER = """
import asyncio, sys
from pathlib import Path
from plugins.host import supervision
asyncio.run(supervision.start(Path(sys.argv[1])))
"""
#: Starts something that leaves its group and its session, and fails.
LEAVE = """
import subprocess, sys, time
subprocess.Popen(["sleep", "98764"], start_new_session=True)
time.sleep(0.1)
sys.exit(3)
"""
#: Prints 28 MB in lines of 1 MB, no multiple of a log's limit: with one, the last line is in either of its files. Stays.
SHOUT = """
import os, time
for number in range(28):
    os.write(1, b"%d" % number + b"x" * (1 << 20) + b"\\n")
os.write(1, b"done\\n")
time.sleep(3600)
"""
#: Tells what it was not meant to import.
IMPORTED = """
import sys, plugins.host.supervisor
print({name.partition(".")[0] for name in sys.modules} & {"core", "django", "pydantic", "asyncio"})
"""


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


def make(directory: Path, name: str, *command: str, **spec: object) -> None:
    write_files(directory / "releases" / name, page=name)
    about = {"digest": f"sha256:{name}", "spec": {"command": command, "env": {}, "stop_timeout": 5, **spec}}
    (directory / "releases" / f"{name}.json").write_text(json.dumps(about))


def point(directory: Path, name: str) -> None:
    ServiceDirectory(directory).point(ServiceDirectory(directory).release(name))


def log_of(directory: Path) -> str:
    path = directory / "service.log"
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        # Not there yet, or just being put aside for a new one.
        return ""


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "service"
    path.mkdir()
    yield path
    await supervision.stop(path, stop_timeout=0)
    assert not supervisors(path)
    assert not service_processes(path)


@pytest.fixture
async def staying(directory: Path) -> Path:
    """A service with a process that stays."""
    make(directory, "one", *PYTHON, STAY)
    point(directory, "one")
    await supervision.run(directory, "one", stop_timeout=0)
    await until(lambda: "here" in log_of(directory))
    return directory


async def test_it_runs_the_command_in_the_release_and_says_so(staying: Path) -> None:
    state = supervision.look(staying)
    assert state.runs("one")
    assert service_processes(staying) == [state.process]
    assert f"here {staying}/releases/one" in log_of(staying)


async def test_it_holds_nothing_of_who_started_it(directory: Path, tmp_path: Path) -> None:
    make(directory, "one", *PYTHON, STAY)
    point(directory, "one")
    leash = os.open(tmp_path / "leash", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(leash, True)
    try:
        await supervision.run(directory, "one", stop_timeout=0)
        [supervisor] = supervisors(directory)
        for process in (supervisor, supervision.look(directory).process):
            files = {os.path.realpath(file) for file in Path(f"/proc/{process}/fd").iterdir()}
            assert not any("socket:" in file or file.endswith("leash") for file in files), files
            assert os.getsid(process) == process != os.getsid(0)
            assert b"DEPLOYER_DATA_DIR" not in Path(f"/proc/{process}/environ").read_bytes()
    finally:
        os.close(leash)


async def test_it_outlives_who_started_it(directory: Path) -> None:
    make(directory, "one", *PYTHON, STAY)
    point(directory, "one")
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTER, str(directory))
    assert await starter.wait() == 0
    await until(lambda: supervision.look(directory).runs("one"))


async def test_there_is_never_a_second(staying: Path) -> None:
    before = supervisors(staying)
    await asyncio.gather(*(supervision.start(staying) for _ in range(5)))
    assert supervisors(staying) == before
    assert len(before) == 1


async def test_many_starts_at_once_make_one(directory: Path) -> None:
    make(directory, "one", *PYTHON, STAY)
    point(directory, "one")
    await asyncio.gather(*(supervision.start(directory) for _ in range(5)))
    await until(lambda: supervision.look(directory).runs("one"))
    assert len(supervisors(directory)) == len(service_processes(directory)) == 1


async def test_it_moves_to_the_current_release_when_told_to_look(staying: Path) -> None:
    make(staying, "two", *PYTHON, STAY)
    before = supervisors(staying)
    point(staying, "two")
    await supervision.run(staying, "two", stop_timeout=5)
    state = supervision.look(staying)
    assert state.runs("two")
    assert service_processes(staying) == [state.process]
    assert supervisors(staying) == before


async def test_being_told_to_look_when_nothing_changed_changes_nothing(staying: Path) -> None:
    before = supervision.look(staying)
    await supervision.run(staying, "one", stop_timeout=0)
    [supervisor] = supervisors(staying)
    for _ in range(3):
        os.kill(supervisor, signal.SIGHUP)
    await supervision.run(staying, "one", stop_timeout=0)
    assert supervision.look(staying) == before


async def test_a_process_that_ends_is_started_again_with_all_it_started_ended(directory: Path) -> None:
    make(directory, "one", *PYTHON, LEAVE)
    point(directory, "one")
    await supervision.run(directory, "one", stop_timeout=0)
    await until(lambda: supervision.look(directory).restarts >= 2)
    assert supervision.look(directory).last_exit == "exited with status 3"
    await until(lambda: len(service_processes(directory)) <= 2)
    assert "exited with status 3" in log_of(directory)


async def test_a_command_that_cannot_be_started_is_told_and_tried_again(directory: Path) -> None:
    make(directory, "one", "not-there")
    point(directory, "one")
    await supervision.run(directory, "one", stop_timeout=0)
    await until(lambda: supervision.look(directory).restarts >= 2)
    assert (
        "cannot be started: [Errno 2] No such file or directory: 'not-there'" in supervision.look(directory).last_exit
    )
    assert not supervision.look(directory).runs("one")


async def test_a_process_is_asked_to_end_before_it_is_killed(directory: Path) -> None:
    polite = """if True:
        import os, signal, sys, time
        def end(*_):
            os.write(1, b"good night\\n")
            sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print("here", flush=True)
        time.sleep(3600)
    """
    make(directory, "one", *PYTHON, polite)
    point(directory, "one")
    await supervision.run(directory, "one", stop_timeout=0)
    await until(lambda: "here" in log_of(directory))
    await supervision.stop(directory, stop_timeout=5)
    assert log_of(directory).endswith("here\ngood night\n")
    assert not supervision.look(directory).alive


async def test_a_process_that_will_not_end_is_killed(directory: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(3600)"
    make(directory, "one", *PYTHON, deaf, stop_timeout=0.2)
    point(directory, "one")
    await supervision.run(directory, "one", stop_timeout=0)
    await until(lambda: "here" in log_of(directory))
    await supervision.stop(directory, stop_timeout=0.2)
    assert not service_processes(directory)


async def test_after_a_kill_its_process_is_ended_before_another_is_started(staying: Path) -> None:
    [supervisor], [process] = supervisors(staying), service_processes(staying)
    os.kill(supervisor, signal.SIGKILL)
    await until(lambda: not supervisors(staying))
    assert not supervision.look(staying).alive
    await supervision.run(staying, "one", stop_timeout=0)
    await until(lambda: supervision.look(staying).runs("one"))
    assert service_processes(staying) == [supervision.look(staying).process] != [process]


async def test_the_output_is_kept_within_bounds(directory: Path) -> None:
    make(directory, "one", *PYTHON, SHOUT)
    point(directory, "one")
    await supervision.run(directory, "one", stop_timeout=0)
    await until(lambda: log_of(directory).endswith("done\n"))
    sizes = [path.stat().st_size for path in directory.glob("service.log*")]
    assert len(sizes) == 2
    assert max(sizes) < rotating.LIMIT + (1 << 17)


async def test_it_stays_small(staying: Path) -> None:
    [supervisor] = supervisors(staying)
    status = dict(line.split(":", 1) for line in Path(f"/proc/{supervisor}/status").read_text().splitlines())
    assert int(status["VmRSS"].split()[0]) < 25_000, "kB"


async def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="cannot be started"):
        await supervision.start(tmp_path / "not-there")


def test_it_imports_nothing_but_the_standard_library() -> None:
    found = subprocess.run((sys.executable, "-c", IMPORTED), capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
