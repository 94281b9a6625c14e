"""Unikernels on a machine that ssh reaches: a real sshd, a real rsync, a real registry.

What runs in place of Solo5 is a stand-in: a process that holds the unikernel's file open, started anew by a script that
stands in for `mirage-redeploy`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.api import Deployer, DeploymentFailed, DeployRequest, Health, OperationError, Release, ServicePlace, Stalled
from core.testing.conformance.deployers import DeployerConformance
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.mirage.redeploy import RedeployDeployer, RedeployOptions
from tests.containers.registry.images import Publisher, file, layer
from tests.real import fill, required, small_disk
from tests.unikernels.factory import unikernel

#: Ends the former process, and starts one that has the file open; a file that says `broken` is not started.
SCRIPT = """#!/bin/sh
set -eu
cd "$(dirname "$0")"
echo "$1" >> calls
[ -e stop ] && [ "$(cat stop)" = "$1" ] && exit 3
grep -q broken "$1.hvt" && { echo "solo5-hvt: cannot load $1.hvt"; exit 1; }
[ -e "$1.pid" ] && kill "$(cat "$1.pid")" || true
setsid tail -f "$1.hvt" > /dev/null 2>&1 < /dev/null & echo $! > "$1.pid"
sha256sum "$1.hvt" | cut -d' ' -f1 > "$1.started"
"""


class Machine:
    """The other side: where its files are."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.command = directory / "mirage-redeploy"
        self.command.write_text(SCRIPT)
        self.command.chmod(0o755)

    @property
    def calls(self) -> int:
        calls = self.directory / "calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0

    def started(self, name: str = "www") -> bytes:
        """What the process was started from."""
        content = (self.directory / f"{name}.hvt").read_bytes()
        told = subprocess.run(["sha256sum"], input=content, capture_output=True, check=True).stdout.split()[0].decode()
        assert (self.directory / f"{name}.started").read_text().strip() == told
        return content

    def end(self) -> None:
        for pid in self.directory.glob("*.pid"):
            subprocess.run(["kill", pid.read_text().strip()], check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    required("rsync", "rsync")
    directory = tmp_path / "unikernels"
    directory.mkdir()
    machine = Machine(directory)
    yield machine
    machine.end()


def released(publisher: Publisher, content: str, target: str = "hvt") -> Release:
    members = layer(file(f"unikernel.{target}", unikernel(target, content=content)))
    return Release(image=str(publisher.name), digest=publisher.manifest(members))


@pytest.fixture
def service(machine: Machine, ssh_host: str) -> ServicePlace:
    options = RedeployOptions(directory=str(machine.directory), command=str(machine.command))
    return ServicePlace(name="www", host=ssh_host, options=options)


async def deploy(service: ServicePlace, release: Release, tmp_path: Path, previous: Release | None = None) -> str:
    log = RecordingLog()
    request = DeployRequest(service=service, release=release, previous=previous)
    await RedeployDeployer().deploy(request, attempt_context(tmp_path, log))
    return log.text


class TestConformance(DeployerConformance):
    @pytest.fixture
    def deployer(self) -> Deployer:
        return RedeployDeployer()

    @pytest.fixture
    def service(self, service: ServicePlace) -> ServicePlace:
        return service

    @pytest.fixture
    def releases(self, publisher: Publisher) -> tuple[Release, Release]:
        return released(publisher, "one"), released(publisher, "two")

    @pytest.fixture
    def broken(self, publisher: Publisher) -> Release:
        return released(publisher, "broken")


async def test_it_is_sent_and_started_and_the_former_one_is_kept(
    service: ServicePlace, machine: Machine, publisher: Publisher, tmp_path: Path
) -> None:
    one, two = released(publisher, "one"), released(publisher, "two")
    await deploy(service, one, tmp_path)
    assert machine.started() == unikernel(content="one")
    log = await deploy(service, two, tmp_path, one)
    assert machine.started() == unikernel(content="two")
    assert (machine.directory / "www.hvt.former").read_bytes() == unikernel(content="one")
    assert json.loads((machine.directory / "www.hvt.release").read_text())["release"] == two.digest
    assert "rsync" in log


async def test_one_that_cannot_be_started_is_taken_back(
    service: ServicePlace, machine: Machine, publisher: Publisher, tmp_path: Path
) -> None:
    one, broken = released(publisher, "one"), released(publisher, "broken")
    await deploy(service, one, tmp_path)
    with pytest.raises(DeploymentFailed, match=r"exited with status 1\. The former one runs again") as failure:
        await deploy(service, broken, tmp_path, one)
    assert failure.value.running == one.digest
    assert machine.started() == unikernel(content="one")


async def test_what_was_cut_off_in_the_middle_is_done_again(
    service: ServicePlace, machine: Machine, publisher: Publisher, tmp_path: Path
) -> None:
    """The file has arrived, and the runner was killed before it was started."""
    one, two = released(publisher, "one"), released(publisher, "two")
    await deploy(service, one, tmp_path)
    (machine.directory / "www.hvt").write_bytes(unikernel(content="two"))
    seen = await RedeployDeployer().observe(service, tmp_path)
    assert (seen.digest, seen.drift) == (None, "its file was changed since the deployment")
    await deploy(service, two, tmp_path, one)
    assert machine.started() == unikernel(content="two")
    assert (await RedeployDeployer().observe(service, tmp_path)).digest == two.digest


async def test_a_file_that_others_changed_is_drift(
    service: ServicePlace, machine: Machine, publisher: Publisher, tmp_path: Path
) -> None:
    await deploy(service, released(publisher, "one"), tmp_path)
    (machine.directory / "www.hvt").write_bytes(b"something else")
    assert (await RedeployDeployer().observe(service, tmp_path)).drift
    (machine.directory / "www.hvt").unlink()
    assert (await RedeployDeployer().observe(service, tmp_path)).health is Health.ABSENT


async def test_half_of_a_record_is_none(
    service: ServicePlace, machine: Machine, publisher: Publisher, tmp_path: Path
) -> None:
    one = released(publisher, "one")
    await deploy(service, one, tmp_path)
    record = machine.directory / "www.hvt.release"
    record.write_text(record.read_text()[:40])
    assert (await RedeployDeployer().observe(service, tmp_path)).digest is None
    await deploy(service, one, tmp_path)
    assert (await RedeployDeployer().observe(service, tmp_path)).digest == one.digest


async def test_a_full_disk_there_names_the_machine_and_what_runs_goes_on(
    ssh_host: str, publisher: Publisher, tmp_path: Path
) -> None:
    one, two = released(publisher, "one"), released(publisher, "two")
    with small_disk(tmp_path / "there") as disk:
        machine = Machine(disk)
        options = RedeployOptions(directory=str(disk), command=str(machine.command))
        service = ServicePlace(name="www", host=ssh_host, options=options)
        try:
            await deploy(service, one, tmp_path)
            ballast = fill(disk)
            with pytest.raises(OperationError, match=r"^builder: ssh: .*No space left on device") as caught:
                await deploy(service, two, tmp_path, one)
            assert not isinstance(caught.value, Stalled), "it is tried again"
            assert machine.started() == unikernel(content="one")
            ballast.unlink()
            await deploy(service, two, tmp_path, one)
            assert machine.started() == unikernel(content="two")
        finally:
            machine.end()


async def test_a_unikernel_for_something_else_never_leaves(
    service: ServicePlace, machine: Machine, publisher: Publisher, tmp_path: Path
) -> None:
    with pytest.raises(Stalled, match="is for xen, and hvt is wanted"):
        await deploy(service, released(publisher, "one", "xen"), tmp_path)
    assert machine.calls == 0


async def test_a_machine_without_the_command_is_told(
    service: ServicePlace, publisher: Publisher, tmp_path: Path
) -> None:
    options = service.options.model_copy(update={"command": "no-such-command"})
    with pytest.raises(DeploymentFailed, match=r"no-such-command is not installed on .*option `command`"):
        await deploy(replace(service, options=options), released(publisher, "one"), tmp_path)


async def test_a_machine_that_cannot_be_reached_is_told(
    service: ServicePlace, publisher: Publisher, tmp_path: Path
) -> None:
    away = replace(service, host="ann@127.0.0.1:1")
    with pytest.raises(OperationError, match=r"127\.0\.0\.1: ssh exited with status 255: .*refused"):
        await deploy(away, released(publisher, "one"), tmp_path)
    with pytest.raises(OperationError, match="refused"):
        await RedeployDeployer().observe(away, tmp_path)


@pytest.mark.parametrize("name", ["-rf", "1www", "www;reboot", "www.hvt", "$(id)", ""])
async def test_a_name_that_is_none_reaches_no_shell(name: str, service: ServicePlace, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="cannot be a unikernel's name"):
        await RedeployDeployer().observe(replace(service, name=name), tmp_path)


@pytest.mark.parametrize("host", ["-oProxyCommand=reboot", "a b", "a;b", "root@-x", "ssh://a/b"])
async def test_a_host_that_is_none_reaches_no_ssh(host: str, service: ServicePlace, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="is no host"):
        await RedeployDeployer().observe(replace(service, host=host), tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"directory": "srv"},
        {"directory": "/srv/$(id)"},
        {"command": "a b"},
        {"command": "-x"},
        {"file": "../x"},
        {"directory": "/srv/../etc"},
    ],
)
def test_options_that_are_none_are_refused_when_they_are_declared(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="it is"):
        RedeployOptions(**options)
