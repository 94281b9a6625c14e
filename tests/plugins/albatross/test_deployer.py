"""Unikernels on an endpoint that speaks Albatross's protocol: real TLS 1.3, real certificates, a real registry."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from core.api import Deployer, DeploymentFailed, Health, OperationError, Release, ServicePlace, Stalled
from core.testing.conformance.deployers import DeployerConformance
from plugins.albatross import client
from plugins.albatross.deployer import AlbatrossDeployer
from plugins.albatross.host import Host
from tests.containers.registry.images import Publisher
from tests.plugins.albatross import unikernel as unikernels
from tests.plugins.albatross.conftest import deploy, place, released
from tests.plugins.albatross.endpoint import Endpoint
from tests.unikernels.factory import unikernel

NAME = "user:hello"


class TestConformance(DeployerConformance):
    @pytest.fixture
    def deployer(self) -> Deployer:
        return AlbatrossDeployer()

    @pytest.fixture
    def service(self, service: ServicePlace) -> ServicePlace:
        return service

    @pytest.fixture
    def releases(self, publisher: Publisher) -> tuple[Release, Release]:
        return released(publisher, "one"), released(publisher, "two")

    @pytest.fixture
    def broken(self, publisher: Publisher) -> Release:
        return released(publisher, "crash")


async def test_what_runs_is_the_released_file_as_it_was_declared(
    endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    devices = {"service": "network", "data": "block"}
    service = place(
        endpoint,
        memory=64,
        cpuids=(1, 0),
        networks=("service:br0@02:00:00:00:00:07",),
        blocks=("data:disk1",),
        arguments=("--hello=hi",),
        restart_on_fail=True,
        exit_codes=(2, 70),
        startup=10,
    )
    begun = datetime.now(UTC)
    log = await deploy(service, released(publisher, "one", devices=devices), tmp_path)
    runs = endpoint.unikernels[NAME]
    assert runs.running
    assert runs.digest == sha256(unikernel("hvt", devices, "one")).digest()
    assert "64 MB, service, data" in log
    assert "service: ready" in log, "its console is in the log"
    seen = await AlbatrossDeployer().observe(service, tmp_path / "data")
    assert seen.health is Health.HEALTHY
    assert seen.since
    assert seen.since.timestamp() >= begun.timestamp() - 1
    assert "64 MB, CPUs 0, 1" in seen.detail
    assert seen.drift == ""


async def test_a_unikernel_that_ends_is_taken_back_and_its_last_words_are_in_the_log(
    service: ServicePlace, endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    one, broken = released(publisher, "one"), released(publisher, "crash")
    await deploy(service, one, tmp_path)
    with pytest.raises(DeploymentFailed, match=r"ended .*What ran before runs again") as failure:
        await deploy(service, broken, tmp_path, one)
    assert failure.value.running == one.digest
    assert endpoint.unikernels[NAME].digest == sha256(unikernel(content="one")).digest()
    assert endpoint.unikernels[NAME].running


async def test_one_that_the_host_starts_again_and_again_is_taken_back(
    endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    one, broken = released(publisher, "one"), released(publisher, "crash")
    service = place(endpoint, restart_on_fail=True, settle=3)
    await deploy(service, one, tmp_path)
    with pytest.raises(DeploymentFailed, match="What ran before runs again"):
        await deploy(service, broken, tmp_path, one)
    assert endpoint.unikernels[NAME].digest == sha256(unikernel(content="one")).digest()


async def test_one_that_ends_with_nothing_before_it_leaves_nothing_that_starts_again(
    endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    service = place(endpoint, restart_on_fail=True, settle=3)
    with pytest.raises(DeploymentFailed, match="There is nothing to go back to"):
        await deploy(service, released(publisher, "crash"), tmp_path)
    assert not endpoint.unikernels.get(NAME) or not endpoint.unikernels[NAME].running


async def test_nor_anything_that_is_down_for_a_moment_when_the_host_is_asked(
    endpoint: Endpoint, publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unikernels, "_AGAIN", 20.0)
    service = place(endpoint, restart_on_fail=True, settle=3)
    with pytest.raises(DeploymentFailed, match="There is nothing to go back to"):
        await deploy(service, released(publisher, "crash"), tmp_path)
    assert endpoint.unikernels[NAME].destroyed


async def test_who_stops_listening_at_the_moment_of_a_message_does_stop(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment would hang: one that ends again and again writes to its console all the time."""
    loop = asyncio.get_running_loop()
    messages, asked = [loop.create_future(), loop.create_future()], []

    async def receive(_: object) -> bytes:
        asked.append(True)
        return await messages.pop(0)

    monkeypatch.setattr(client, "_receive", receive)
    monkeypatch.setattr(client.Client, "_understood", lambda _, message: message)
    first, host = messages[0], Host.of(place(endpoint))

    async def listen() -> None:
        async for _ in host.console(None):
            pass

    listening = asyncio.create_task(listen())
    while not asked:
        await asyncio.sleep(0.01)
    first.set_result(b"a line")
    await asyncio.sleep(0)
    listening.cancel()
    done, _ = await asyncio.wait({listening}, timeout=20)
    listening.cancel()
    assert done


async def test_another_way_of_running_it_sends_no_image(
    service: ServicePlace, endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    one = released(publisher, "one")
    await deploy(service, one, tmp_path)
    more = place(endpoint, memory=128)
    log = await deploy(more, one, tmp_path, one)
    assert "the host has the image" in log
    assert endpoint.unikernels[NAME].running
    assert "128 MB" in (await AlbatrossDeployer().observe(more, tmp_path / "data")).detail
    assert [each for each in endpoint.commands if "restart" in each]


async def test_an_attempt_that_was_killed_is_finished_by_the_next(
    service: ServicePlace, endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    """The host runs it already, and nobody wrote that down."""
    one = released(publisher, "one")
    await deploy(service, one, tmp_path)
    for record in (tmp_path / "data" / "deployed").iterdir():
        record.unlink()
    unknown = await AlbatrossDeployer().observe(service, tmp_path / "data")
    assert unknown.digest is None
    log = await deploy(service, one, tmp_path)
    assert "cut off" in log
    assert endpoint.unikernels[NAME].starts == 1
    assert (await AlbatrossDeployer().observe(service, tmp_path / "data")).digest == one.digest


async def test_a_killed_attempt_whose_unikernel_does_not_hold_goes_back_to_the_release_before(
    endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    service = place(endpoint, settle=0.3)
    one, broken = released(publisher, "one"), released(publisher, "crash")
    with pytest.raises(DeploymentFailed) as failure:
        await deploy(service, broken, tmp_path, one)
    assert failure.value.running == one.digest
    assert (await AlbatrossDeployer().observe(service, tmp_path / "data")).digest == one.digest


async def test_what_somebody_else_changed_is_told(
    service: ServicePlace, endpoint: Endpoint, publisher: Publisher, tmp_path: Path
) -> None:
    one, two = released(publisher, "one"), released(publisher, "two")
    await deploy(service, one, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    await deploy(place(endpoint, memory=128, arguments=("--debug",)), one, elsewhere)
    seen = await AlbatrossDeployer().observe(service, tmp_path / "data")
    assert seen.digest == one.digest
    assert "128 MB of memory instead of 32" in seen.drift
    assert "its arguments are '--debug' instead of ''" in seen.drift
    await deploy(service, two, elsewhere)
    assert (await AlbatrossDeployer().observe(service, tmp_path / "data")).digest is None


async def test_its_statistics_are_told_once_they_have_come(
    service: ServicePlace, publisher: Publisher, tmp_path: Path
) -> None:
    await deploy(service, released(publisher, "one"), tmp_path)
    deployer = AlbatrossDeployer()
    await deployer.observe(service, tmp_path / "data")
    await deployer._usage.settled()
    assert "MB resident" in (await deployer.observe(service, tmp_path / "data")).detail


@pytest.mark.parametrize(
    ("release", "options", "said"),
    [
        (("one", "spt", {}), {}, r"is for spt, and hvt is wanted: change `target`"),
        (
            ("one", "hvt", {"service": "network"}),
            {},
            r"wants these network devices: service; the option `networks` gives none",
        ),
        (("one", "hvt", {}), {"blocks": ("data",)}, r"wants these block devices: none; the option `blocks` gives data"),
        (
            ("one", "hvt", {}),
            {"memory": 4096},
            r"maximum allowed memory \(1024, used 0\) would be exceeded",
        ),
        (("one", "hvt", {}), {"cpuids": (17,)}, r"CPUids 17 .* not allowed by policy"),
        (("one", "hvt", {"service": "network"}), {"networks": ("service:secret",)}, r"secret not allowed by policy"),
    ],
)
async def test_what_cannot_run_there_is_told_and_what_runs_is_left_alone(
    release: tuple[str, str, dict[str, str]],
    options: dict[str, object],
    said: str,
    service: ServicePlace,
    endpoint: Endpoint,
    publisher: Publisher,
    tmp_path: Path,
) -> None:
    before = released(publisher, "before")
    await deploy(service, before, tmp_path)
    content, target, devices = release
    with pytest.raises(Stalled, match=said) as failure:
        await deploy(place(endpoint, **options), released(publisher, content, target, devices), tmp_path, before)
    if isinstance(failure.value, DeploymentFailed):
        assert failure.value.running == before.digest
    assert endpoint.unikernels[NAME].starts == 1
    assert endpoint.unikernels[NAME].running


async def test_a_host_that_is_away_is_told_and_tried_again(
    service: ServicePlace, endpoint: Endpoint, tmp_path: Path
) -> None:
    away = replace(service, host="127.0.0.1:1")
    with pytest.raises(OperationError, match=r"127\.0\.0\.1:1 cannot be reached: Connection refused") as failure:
        await AlbatrossDeployer().observe(away, tmp_path)
    assert not isinstance(failure.value, Stalled)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": ""}, "needs a host"),
        ({"host": "-oProxyCommand=x"}, "is no Albatross host"),
        ({"host": "oak:99999"}, "is no Albatross host"),
        ({"name": "hello_world"}, "cannot be a unikernel's name"),
        ({"name": "-x"}, "cannot be a unikernel's name"),
    ],
)
async def test_names_are_checked_before_anything_is_signed(
    changes: dict[str, str], said: str, service: ServicePlace, tmp_path: Path
) -> None:
    with pytest.raises(Stalled, match=said):
        await AlbatrossDeployer().observe(replace(service, **changes), tmp_path)
