"""A commit is built by a command, in a sandbox, into an artifact that is named by its content."""

import asyncio
import os
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.api import Builder, CommandFailed, OperationError, Purpose, Stalled
from core.testing.conformance.builders import BuilderConformance, Sample
from core.testing.logs import RecordingLog
from plugins.host.artifacts import HERE, ArtifactStore
from plugins.host.builder import HostBuilder
from plugins.host.options import BuilderOptions
from plugins.host.sandbox import own_tools
from tests.plugins.host.world import write_files
from tests.real import small_disk

#: How long a build that does not end sleeps: a number by which it is found among all processes.
ENDLESS = "98765"


def sample(directory: Path, script: str, **options: object) -> Sample:
    files = write_files(directory, script=script + "\n")
    return Sample(files, BuilderOptions.model_validate({"command": ("sh", "script"), **options}))


class HostBuilderConformance(BuilderConformance):
    sandbox = "required"

    @pytest.fixture
    def builder(self) -> Builder:
        return HostBuilder()

    @pytest.fixture
    def platform(self) -> str:
        return HERE

    @pytest.fixture
    def good(self, tmp_path: Path) -> Sample:
        script = "mkdir dist; echo built > dist/page; chmod +x dist/page; ln -s page dist/link"
        return sample(tmp_path / "good", script, output="dist", sandbox=self.sandbox)

    @pytest.fixture
    def failing(self, tmp_path: Path) -> Sample:
        return sample(tmp_path / "failing", "echo this build fails on purpose; exit 3", sandbox=self.sandbox)

    @pytest.fixture
    def curious(self, tmp_path: Path) -> Sample:
        script = "env; cat /proc/self/environ /proc/1/environ /proc/[0-9]*/environ 2>/dev/null; true"
        if self.sandbox == "off":
            script = "env"
        return sample(tmp_path / "curious", script, allow_untrusted=True, sandbox=self.sandbox)

    @pytest.fixture
    def talkative(self, tmp_path: Path) -> Sample:
        return sample(tmp_path / "talkative", 'echo "the word is $WORD"', sandbox=self.sandbox)

    @pytest.fixture
    def endless(self, tmp_path: Path) -> Sample:
        script = f"setsid sleep {ENDLESS} & sleep {ENDLESS} & echo started; sleep {ENDLESS}"
        return sample(tmp_path / "endless", script, sandbox=self.sandbox)

    @pytest.fixture
    def remains(self) -> Callable[[], Awaitable[Sequence[str]]]:
        async def look() -> Sequence[str]:
            # The kernel takes a moment to end what was in the sandbox.
            for _ in range(100):
                left = [line for line in command_lines() if ENDLESS in line]
                if not left:
                    break
                await asyncio.sleep(0.02)
            return left

        return look


def command_lines() -> list[str]:
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return lines


@pytest.mark.usefixtures("bubblewrap")
class TestInTheSandbox(HostBuilderConformance):
    async def test_the_same_commit_gives_the_same_artifact(self, builder, good, platform, tmp_path):
        first = await self.build(builder, good, platform, tmp_path)
        assert await self.build(builder, good, platform, tmp_path) == first

    async def test_the_output_is_kept_with_its_links_and_modes(self, builder, good, platform, tmp_path):
        digest = await self.build(builder, good, platform, tmp_path)
        path = ArtifactStore(tmp_path / "data").path(digest)
        assert (path / "page").read_text() == "built\n"
        assert os.access(path / "page", os.X_OK)
        assert (path / "link").readlink() == Path("page")

    async def test_a_check_build_keeps_nothing_and_answers_the_same(self, builder, good, platform, tmp_path):
        digest = await self.build(builder, good, platform, tmp_path, purpose=Purpose.CHECK)
        assert ArtifactStore(tmp_path / "data").path(digest) is None
        assert await self.build(builder, good, platform, tmp_path) == digest

    async def test_it_can_write_nowhere_but_in_its_own_rooms(self, builder, platform, tmp_path):
        script = """
            for place in / /usr /etc /root /home /var /proc/sys/kernel; do
                if touch $place/written 2>/dev/null; then echo "wrote in $place"; fi
            done
            touch here ~/there /tmp/and-there && echo "wrote where it may"
        """
        log = RecordingLog()
        await self.build(builder, sample(tmp_path / "writer", script, sandbox="required"), platform, tmp_path, log=log)
        assert "wrote where it may" in log.text
        assert "wrote in" not in log.text

    async def test_it_sees_no_file_of_anybody(self, builder, platform, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "secret_key").write_text("the key of the deployer")
        script = f"""
            ls {tmp_path} {Path.home()}/.ssh {Path(__file__).parent} /etc/shadow /etc/ssl/private /run /var/lib 2>&1
            ls -a /home {Path.home()}
            echo the end
        """
        log = RecordingLog()
        await self.build(builder, sample(tmp_path / "reader", script, sandbox="required"), platform, tmp_path, log=log)
        assert log.text.count("No such file or directory") == 7
        assert "the end" in log.text

    async def test_a_readable_directory_that_holds_the_data_shows_it_empty(self, builder, platform, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "secret_key").write_text("the key of the deployer")
        inside = tmp_path.parent
        (inside / "tool").mkdir(exist_ok=True)
        script = f"cat {tmp_path}/data/secret_key; ls -A {tmp_path}; ls {inside}"
        reader = sample(tmp_path / "reader", script + "; true", sandbox="required", tools=[str(inside)])
        log = RecordingLog()
        await self.build(builder, reader, platform, tmp_path, log=log)
        assert "the key of the deployer" not in log.text
        assert "tool" in log.text

    async def test_it_sees_no_process_but_its_own(self, builder, platform, tmp_path):
        script = "echo there are $(ls /proc | grep -c '^[0-9]*$') processes"
        log = RecordingLog()
        await self.build(builder, sample(tmp_path / "ps", script, sandbox="required"), platform, tmp_path, log=log)
        [count] = re.findall(r"there are (\d+) processes", log.text)
        assert int(count) < 8

    async def test_there_is_no_network_unless_asked_for(self, builder, platform, tmp_path):
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5); print('connected')"
        async with server:
            for network in (False, True):
                options = {"command": ("python3", "-c", connect), "sandbox": "required", "network": network}
                files = write_files(tmp_path / "caller", readme="")
                log = RecordingLog()
                build = self.build(
                    builder, Sample(files, BuilderOptions.model_validate(options)), platform, tmp_path, log=log
                )
                if network:
                    await build
                else:
                    with pytest.raises(CommandFailed):
                        await build
                assert ("connected" in log.text.splitlines()) is network

    async def test_python_is_the_deployers_own_without_its_packages(self, builder, platform, tmp_path):
        program = "import sys; print(sys.version_info[:2], sys.prefix); import django"
        options = BuilderOptions(command=("python3", "-c", program), sandbox="required")
        log = RecordingLog()
        with pytest.raises(CommandFailed):
            await self.build(
                builder, Sample(write_files(tmp_path / "p", readme=""), options), platform, tmp_path, log=log
            )
        assert "No module named 'django'" in log.text
        if own_tools():
            assert f"{tuple(sys.version_info[:2])} {sys.base_prefix}" in log.text

    async def test_unittest_runs_as_the_demo_has_it(self, builder, platform, tmp_path):
        test = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertTrue(True)\n"
        files = write_files(tmp_path / "tested", test_it__py=test)
        options = BuilderOptions(command=("python3", "-m", "unittest", "--verbose"), sandbox="required")
        log = RecordingLog()
        first = await self.build(builder, Sample(files, options), platform, tmp_path, log=log)
        assert "Ran 1 test" in log.text
        assert await self.build(builder, Sample(files, options), platform, tmp_path) == first

    async def test_a_memory_limit_holds(self, builder, platform, tmp_path):
        options = BuilderOptions(command=("python3", "-c", "bytearray(300 << 20)"), memory=100)
        log = RecordingLog()
        with pytest.raises(CommandFailed):
            await self.build(
                builder, Sample(write_files(tmp_path / "m", readme=""), options), platform, tmp_path, log=log
            )
        assert "MemoryError" in log.text

    async def test_what_strangers_wrote_is_built_when_allowed(self, builder, platform, tmp_path):
        allowed = sample(tmp_path / "allowed", "echo fine", allow_untrusted=True)
        log = RecordingLog()
        await self.build(builder, allowed, platform, tmp_path, log=log, trusted=False, purpose=Purpose.CHECK)
        assert "in a sandbox, without network" in log.text


class TestWithoutASandbox(HostBuilderConformance):
    sandbox = "off"

    async def test_it_says_so_in_the_log(self, builder, good, platform, tmp_path):
        log = RecordingLog()
        await self.build(builder, good, platform, tmp_path, log=log)
        assert "without a sandbox, as the option `sandbox` says" in log.text

    async def test_a_program_of_the_checkout_is_found(self, builder, platform, tmp_path):
        files = write_files(tmp_path / "own", build="#!/bin/sh\necho built by my own program\n")
        (files / "build").chmod(0o755)
        log = RecordingLog()
        options = BuilderOptions(command=("./build",), sandbox="off")
        await self.build(builder, Sample(files, options), platform, tmp_path, log=log)
        assert "built by my own program" in log.text


class TestRefusals(HostBuilderConformance):
    """What does not build says why, and what to change."""

    sandbox = "auto"

    async def test_what_strangers_wrote_is_refused(self, builder, good, platform, tmp_path):
        with pytest.raises(Stalled, match="allow_untrusted"):
            await self.build(builder, good, platform, tmp_path, trusted=False, purpose=Purpose.CHECK)

    async def test_no_bubblewrap_is_said_and_stops_who_requires_it(
        self, builder, good, platform, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("plugins.host.sandbox.shutil", SimpleNamespace(which=lambda *_, **__: None))
        log = RecordingLog()
        await self.build(builder, good, platform, tmp_path, log=log)
        assert "without a sandbox: bubblewrap (the program `bwrap`) is not installed on this host" in log.text
        required = sample(tmp_path / "required", "true", sandbox="required")
        with pytest.raises(Stalled, match="is `required`, but bubblewrap"):
            await self.build(builder, required, platform, tmp_path)
        strange = sample(tmp_path / "strange", "true", allow_untrusted=True)
        with pytest.raises(Stalled, match="only built in a sandbox, but bubblewrap"):
            await self.build(builder, strange, platform, tmp_path, trusted=False, purpose=Purpose.CHECK)

    async def test_a_bubblewrap_that_fails_counts_as_none(self, builder, good, platform, tmp_path, monkeypatch):
        fake = tmp_path / "bwrap"
        fake.write_text("#!/bin/sh\necho no user namespaces here >&2\nexit 1\n")
        fake.chmod(0o755)
        monkeypatch.setattr("plugins.host.sandbox.shutil", SimpleNamespace(which=lambda *_, **__: str(fake)))
        log = RecordingLog()
        await self.build(builder, good, platform, tmp_path, log=log)
        assert "no user namespaces here" in log.text

    @pytest.mark.parametrize(
        ("script", "output", "reason"),
        [
            pytest.param("true", "dist", "left no directory 'dist'", id="no output"),
            pytest.param("ln -s / dist", "dist", "leads out of the checkout", id="a link to the root"),
            pytest.param("ln -s .. dist", "dist", "leads out of the checkout", id="a link out"),
            pytest.param("ln -s dist dist", "dist", "left no directory", id="a link to itself"),
            pytest.param("touch dist", "dist", "is no directory", id="a file"),
            pytest.param("mkdir dist; mkfifo dist/pipe", "dist", "is a pipe", id="a pipe"),
        ],
    )
    async def test_an_output_that_cannot_be_kept(self, builder, platform, tmp_path, script, output, reason):
        with pytest.raises(Stalled, match=reason):
            await self.build(builder, sample(tmp_path / "odd", script, output=output), platform, tmp_path)

    async def test_an_argument_that_is_no_variable(self, builder, good, platform, tmp_path):
        with pytest.raises(Stalled, match="'A=B' cannot be an environment variable"):
            await self.build(builder, good, platform, tmp_path, args={"A=B": "c"})

    async def test_a_failing_command_is_named_as_it_was_written(self, builder, failing, platform, tmp_path):
        with pytest.raises(CommandFailed, match=r"^sh script exited with status 3$"):
            await self.build(builder, failing, platform, tmp_path)

    async def test_a_disk_that_refuses_is_named(self, builder, good, platform, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "artifacts").write_text("in the way")
        with pytest.raises(OperationError, match="data/artifacts"):
            await self.build(builder, good, platform, tmp_path)

    async def test_a_full_disk_is_no_fault_of_the_commit(self, builder, platform, tmp_path):
        greedy = sample(tmp_path / "greedy", "exec head -c 9000000 /dev/zero > much", sandbox="off")
        with (
            small_disk(tmp_path / "disk") as disk,
            pytest.raises(OperationError, match=r"the disk .* is full on this host: make room") as caught,
        ):
            await self.build(builder, greedy, platform, disk)
        assert not isinstance(caught.value, Stalled), "it is tried again"

    def test_other_platforms_are_named(self, builder):
        assert list(builder.unsupported([HERE, "linux/s390x"])) == ["linux/s390x"]
