"""All services of a host are ended, started and shown together."""

import io
import json
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.api import ServicePlace
from core.plugins import plugins
from core.testing.conformance.deployers import DeployerConformance
from plugins.host import hooks, services, supervision
from plugins.host.deployer import HostDeployer
from plugins.host.options import DeployerOptions
from tests.e2e.harness import free_port
from tests.plugins.host.world import release_of, served, web_release, web_service, write_files


def command(verb: str, data: Path) -> str:
    said = io.StringIO()
    call_command("host_services", verb, "--data", str(data), stdout=said)
    return said.getvalue()


@pytest.fixture
async def ports(data: Path, tmp_path: Path) -> dict[str, int]:
    """Two web services, one of them in a directory elsewhere, and some files."""
    ports = {"near": free_port(), "far": free_port()}
    deploy = DeployerConformance().deploy
    for name, port in ports.items():
        elsewhere = {"directory": str(tmp_path / "srv" / name)} if name == "far" else {}
        await deploy(HostDeployer(), web_service(port, name, **elsewhere), web_release(tmp_path, name), tmp_path)
    files = release_of(write_files(tmp_path / "files", page="hello"), data)
    await deploy(HostDeployer(), ServicePlace(name="files", options=DeployerOptions()), files, tmp_path)
    return ports


def test_they_are_ended_and_started_again(data: Path, ports: dict[str, int]) -> None:
    assert command("stop", data) == "ended: far, near\n"
    assert not any(supervision.look(place.path).alive for _, place in services.all_of(data))
    assert command("stop", data) == "There was nothing to be ended.\n"
    assert command("start", data) == "started: far, near\n"
    shown = command("status", data)
    assert [line.split()[:2] for line in shown.splitlines()][1] == ["files", "healthy"]
    for name, port in ports.items():
        wait_served(port, name)


def wait_served(port: int, version: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            assert served(port) == version
        except OSError:
            assert time.monotonic() < deadline, f"nothing answers on port {port}"
            time.sleep(0.01)
        else:
            return


def test_one_that_cannot_be_started_is_told_and_the_others_are(
    data: Path, ports: dict[str, int], tmp_path: Path
) -> None:
    command("stop", data)
    lock = tmp_path / "srv" / "far" / "supervisor.lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(CommandError, match="srv/far cannot be started"):
        command("start", data)
    wait_served(ports["near"], "near")
    lock.rmdir()


def test_a_host_without_services_says_so(tmp_path: Path) -> None:
    assert command("status", tmp_path) == "No service was ever deployed here.\n"
    assert command("start", tmp_path) == "There was nothing to be started.\n"


def test_the_plugin_is_found_and_offers_a_builder_and_a_deployer() -> None:
    [info] = [info for info in plugins.infos() if info.name == "host"]
    assert info.error == ""
    assert {role: list(kinds) for role, kinds in info.offers.items()} == {"builders": ["host"], "deployers": ["host"]}


def test_a_services_page_shows_where_it_is() -> None:
    service = web_service(8080, directory="/srv/hello")
    assert hooks.deployer_describe_service(service) == [
        ("Directory", "/srv/hello"),
        ("Port", "8080"),
        ("Command", "python3 -S -I serve.py"),
    ]


def test_other_deployers_services_are_left_alone() -> None:
    class Others(DeployerOptions.__base__):
        pass

    assert hooks.deployer_describe_service(ServicePlace(name="x", options=Others())) == []


def test_what_is_known_of_a_release_is_not_for_others_to_read(data: Path, ports: dict[str, int]) -> None:
    for about in data.rglob("releases/*.json"):
        assert json.loads(about.read_text())["spec"]["env"]
        assert about.stat().st_mode & 0o077 == 0
