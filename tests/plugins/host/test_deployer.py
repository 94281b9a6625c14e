"""A service is moved to a release that is healthy, or stays as it is."""

import asyncio
import json
import os
import signal
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from core.api import Deployer, DeploymentFailed, Health, OperationError, Release, ServicePlace, Stalled, Waiting
from core.testing.conformance.deployers import DeployerConformance
from core.testing.logs import RecordingLog
from plugins.host import processes, supervision, trial
from plugins.host.deployer import HostDeployer
from plugins.host.options import DeployerOptions
from plugins.host.releases import ServiceDirectory
from tests.e2e.harness import free_port
from tests.plugins.host.world import (
    HEALTH,
    release_of,
    served,
    service_processes,
    supervisors,
    web_release,
    web_service,
    write_files,
)


class HostDeployerConformance(DeployerConformance):
    @pytest.fixture
    def deployer(self) -> Deployer:
        return HostDeployer()

    @pytest.fixture
    def releases(self, data: Path, tmp_path: Path) -> tuple[Release, Release]:
        return web_release(tmp_path, "one"), web_release(tmp_path, "two")

    @pytest.fixture
    def broken(self, data: Path, tmp_path: Path) -> Release:
        return web_release(tmp_path, "broken", serve="print('my last words'); raise SystemExit(4)")

    @pytest.fixture
    def unwell(self, data: Path, tmp_path: Path) -> Release:
        return web_release(tmp_path, "unwell", status="500 Internal Server Error")


def place_of(data: Path, name: str = "hello") -> ServiceDirectory:
    return ServiceDirectory(data / "services" / name)


class TestSupervised(HostDeployerConformance):
    """A process, tried on a free port before the switch."""

    @pytest.fixture
    def service(self, data: Path, port: int) -> ServicePlace:
        return web_service(port)

    async def test_each_release_answers_at_its_port(self, deployer, service, releases, port, tmp_path):
        for release, version in zip(releases, ("one", "two"), strict=True):
            await self.deploy(deployer, service, release, tmp_path)
            assert served(port) == version

    async def test_what_is_unhealthy_never_touches_what_runs(self, deployer, service, releases, unwell, data, tmp_path):
        await self.deploy(deployer, service, releases[0], tmp_path)
        before = supervision.look(place_of(data).path)
        log = RecordingLog()
        with pytest.raises(
            DeploymentFailed, match=r"not healthy in its trial: .* answered 500; release .* was not touched"
        ):
            await self.deploy(deployer, replace_options(service, health_timeout=3), unwell, tmp_path, log=log)
        assert supervision.look(place_of(data).path) == before
        assert "it said: unwell" in log.text
        assert "serving unwell" in log.text

    async def test_a_candidate_that_ends_is_not_waited_for(self, deployer, service, data, tmp_path):
        dying = web_release(tmp_path, "dying", serve="print('my last words'); raise SystemExit(4)")
        log = RecordingLog()
        with pytest.raises(
            DeploymentFailed, match="ended with status 4 before it was healthy; it runs nothing, as before"
        ):
            await self.deploy(deployer, service, dying, tmp_path, log=log)
        assert "my last words" in log.text
        assert not processes.marked(trial.MARK, str(place_of(data).path))

    async def test_the_log_tells_what_healthy_means_and_who_said_so(self, deployer, service, releases, port, tmp_path):
        log = RecordingLog()
        await self.deploy(deployer, service, releases[0], tmp_path, log=log)
        assert (
            f"healthy means: http://127.0.0.1:{port}/health (option `health`) answers 2xx or 3xx "
            "within 20 s (option `health_timeout`)"
        ) in log.notes

    async def test_deploying_what_runs_touches_nothing(self, deployer, service, releases, data, tmp_path):
        await self.deploy(deployer, service, releases[0], tmp_path)
        before = snapshot(place_of(data).path)
        await self.deploy(deployer, service, releases[0], tmp_path)
        assert snapshot(place_of(data).path) == before

    async def test_deploying_what_should_run_and_hangs_starts_it_afresh(
        self, deployer, service, releases, data, tmp_path
    ):
        await self.deploy(deployer, service, releases[0], tmp_path)
        process = supervision.look(place_of(data).path).process
        os.kill(process, signal.SIGSTOP)
        await self.deploy(deployer, service, releases[0], tmp_path)
        assert supervision.look(place_of(data).path).process != process

    async def test_other_options_are_another_release(self, deployer, service, releases, data, port, tmp_path):
        await self.deploy(deployer, service, releases[0], tmp_path)
        other = free_port()
        await self.deploy(deployer, replace_options(service, port=other), releases[0], tmp_path)
        assert served(other) == "one"
        with pytest.raises(OSError, match="refused"):
            served(port)

    async def test_a_stranger_on_the_port_is_found_before_the_switch(
        self, deployer, service, releases, data, port, tmp_path
    ):
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", port))
            stranger.listen()
            with pytest.raises(DeploymentFailed, match=f"another process listens on port {port}"):
                await self.deploy(deployer, service, releases[0], tmp_path)
        assert place_of(data).current is None

    async def test_only_so_many_releases_are_kept(self, deployer, service, tmp_path, data):
        for number in range(4):
            release = web_release(tmp_path, f"version-{number}")
            await self.deploy(deployer, replace_options(service, keep=2), release, tmp_path)
        kept = sorted(path.name for path in (place_of(data).path / "releases").iterdir())
        assert len(kept) == 4, "two directories, and what is known of each"
        assert place_of(data).current.digest == release.digest

    async def test_a_release_that_is_gone_has_to_be_made_again(self, deployer, service, tmp_path, data):
        gone = Release(image="sample/hello:live", digest="sha256:" + "0" * 64)
        with pytest.raises(Stalled, match="build the commit again, so that it is released again"):
            await self.deploy(deployer, service, gone, tmp_path)

    async def test_nobody_else_deploys_in_its_directory_meanwhile(self, deployer, service, releases, tmp_path, data):
        with place_of(data).held(), pytest.raises(Waiting, match="another deployment works in"):
            await self.deploy(deployer, service, releases[0], tmp_path)

    async def test_a_process_that_crashes_later_is_seen_and_started_again(
        self, deployer, service, releases, tmp_path, data
    ):
        await self.deploy(deployer, service, releases[0], tmp_path)
        os.kill(supervision.look(place_of(data).path).process, signal.SIGKILL)
        async with asyncio.timeout(20):
            while supervision.look(place_of(data).path).restarts == 0:
                await asyncio.sleep(0.01)
        seen = await self.runs(deployer, service, releases[0], tmp_path)
        assert "restarts: 1, the last as it ended by signal 9" in seen.detail

    async def test_no_supervisor_is_unhealthy(self, deployer, service, releases, tmp_path, data):
        await self.deploy(deployer, service, releases[0], tmp_path)
        await supervision.stop(place_of(data).path, stop_timeout=1)
        seen = await deployer.observe(service, data)
        assert (seen.digest, seen.health) == (releases[0].digest, Health.UNHEALTHY)
        assert seen.detail.startswith("its supervisor does not run")

    async def test_another_host_is_refused(self, deployer, service, releases, tmp_path):
        with pytest.raises(Stalled, match="works on the runner's own host, not on elsewhere"):
            await self.deploy(deployer, replace(service, host="elsewhere"), releases[0], tmp_path)

    async def test_a_disk_that_refuses_is_told_and_nothing_moves(self, deployer, service, releases, tmp_path, data):
        await self.deploy(deployer, service, releases[0], tmp_path)
        place = place_of(data)
        (place.path / "releases").rename(place.path / "aside")
        (place.path / "releases").write_text("in the way")
        with pytest.raises(OperationError, match="releases"):
            await self.deploy(deployer, service, releases[1], tmp_path)
        (place.path / "releases").unlink()
        (place.path / "aside").rename(place.path / "releases")
        await self.runs(deployer, service, releases[0], tmp_path)


class TestWithoutATrial(HostDeployerConformance):
    """The switch comes first, and the way back is what is tried."""

    @pytest.fixture
    def service(self, data: Path, port: int) -> ServicePlace:
        return web_service(port, trial=False, health_timeout=4)

    async def test_both_the_failure_and_the_way_back_are_told(
        self, deployer, service, releases, unwell, port, tmp_path
    ):
        await self.deploy(deployer, service, releases[0], tmp_path)
        log = RecordingLog()
        with pytest.raises(DeploymentFailed, match=r"answered 500; release \w+ is in place again and healthy"):
            await self.deploy(deployer, service, unwell, tmp_path, log=log)
        assert served(port) == "one"
        assert "it said: unwell" in log.text
        assert "serving unwell" in log.text, "the end of its output"

    async def test_what_does_not_stay_up_is_given_up_soon(self, deployer, service, releases, tmp_path):
        dying = web_release(tmp_path, "dying", serve="print('my last words'); raise SystemExit(4)")
        await self.deploy(deployer, service, releases[0], tmp_path)
        patient = replace_options(service, health_timeout=3000)
        with pytest.raises(DeploymentFailed, match=r"exited with status 4.*is in place again and healthy"):
            await self.deploy(deployer, patient, dying, tmp_path)

    async def test_an_old_release_that_is_not_healthy_either_is_told(
        self, deployer, service, releases, unwell, data, tmp_path
    ):
        await self.deploy(deployer, service, releases[0], tmp_path)
        (place_of(data).current.path / "status").write_text("503 Rotten")
        with pytest.raises(
            DeploymentFailed, match="is in place again, but is not healthy either: answered 503"
        ) as failure:
            await self.deploy(deployer, service, unwell, tmp_path)
        assert failure.value.running == releases[0].digest


class TestWithoutAHealthCheck(HostDeployerConformance):
    """A process that has to stay up."""

    @pytest.fixture
    def service(self, data: Path, port: int) -> ServicePlace:
        return web_service(port, health="", health_timeout=20)


class TestFiles(HostDeployerConformance):
    """Nothing but files behind the link, which something else serves."""

    @pytest.fixture
    def service(self, data: Path, tmp_path: Path) -> ServicePlace:
        return ServicePlace(name="hello", options=DeployerOptions(health_timeout=1, **self.options(tmp_path)))

    @pytest.fixture
    def broken(self, unwell: Release) -> Release:
        return unwell

    def options(self, tmp_path: Path) -> dict[str, object]:
        return {"directory": str(tmp_path / "srv" / "site"), "port": self.port, "health": HEALTH}

    @pytest.fixture(autouse=True)
    def site(self, tmp_path: Path):
        """A web server that serves the files, and is well while there is a page that is."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = tmp_path / "srv" / "site" / "current" / "status"
                self.send_response(int(page.read_text()[:3]) if page.exists() else 404)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            type(self).port = server.server_address[1]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield
            server.shutdown()

    async def test_its_directory_is_listed_by_a_link(self, deployer, service, releases, data, tmp_path):
        await self.deploy(deployer, service, releases[0], tmp_path)
        assert (data / "services" / "hello").resolve() == tmp_path / "srv" / "site"
        assert (tmp_path / "srv" / "site" / "current" / "version").read_text() == "one"

    async def test_another_directory_is_refused_while_it_may_run_in_the_first(
        self, deployer, service, releases, tmp_path
    ):
        await self.deploy(deployer, service, releases[0], tmp_path)
        for directory in (str(tmp_path / "srv" / "other"), ""):
            with pytest.raises(Stalled, match=r"was in .*srv/site before"):
                await self.deploy(deployer, replace_options(service, directory=directory), releases[1], tmp_path)


class TestActivated(HostDeployerConformance):
    """A command brings a release into effect."""

    @pytest.fixture
    def service(self, data: Path) -> ServicePlace:
        return ServicePlace(name="hello", options=DeployerOptions(activate=("./activate",)))

    @pytest.fixture
    def releases(self, data: Path, tmp_path: Path) -> tuple[Release, Release]:
        return activated(tmp_path, "one"), activated(tmp_path, "two")

    @pytest.fixture
    def broken(self, data: Path, tmp_path: Path) -> Release:
        return activated(tmp_path, "broken", then="echo cannot; exit 7")

    async def test_it_goes_back_by_the_old_releases_own_command(
        self, deployer, service, releases, broken, data, tmp_path
    ):
        await self.deploy(deployer, service, releases[0], tmp_path)
        log = RecordingLog()
        with pytest.raises(
            DeploymentFailed, match=r"\./activate exited with status 7; .* is in place again and healthy"
        ):
            await self.deploy(deployer, service, broken, tmp_path, log=log)
        assert "cannot" in log.text
        assert (place_of(data).home / "active").read_text().split() == ["one", "broken", "one"]

    async def test_an_activation_that_was_not_finished_is_done_again(self, deployer, service, releases, data, tmp_path):
        await self.deploy(deployer, service, releases[0], tmp_path)
        place_of(data).activating.write_text(json.dumps({"mark": "of a killed one"}))
        await self.deploy(deployer, service, releases[0], tmp_path)
        assert (place_of(data).home / "active").read_text().split() == ["one", "one"]
        assert not place_of(data).activating.exists()

    async def test_a_daemon_that_it_starts_goes_on(self, deployer, service, data, tmp_path):
        daemon = "setsid sleep 98763 >/dev/null 2>&1 </dev/null & echo $! > ~/daemon"
        release = activated(tmp_path, "daemon", then=daemon)
        await self.deploy(deployer, service, release, tmp_path)
        process = int((place_of(data).home / "daemon").read_text())
        await self.deploy(deployer, service, activated(tmp_path, "next"), tmp_path)
        os.kill(process, signal.SIGTERM)


class TestNothingToRun:
    async def test_the_link_is_all_there_is(self, data: Path, tmp_path: Path):
        release = release_of(write_files(tmp_path / "files", page="hello"), data)
        service = ServicePlace(name="../strange name\N{PARTY POPPER}", options=DeployerOptions())
        deployer = HostDeployer()
        await HostDeployerConformance().deploy(deployer, service, release, tmp_path)
        [place] = (data / "services").iterdir()
        assert (place / "current" / "page").read_text() == "hello"
        assert (await deployer.observe(service, data)).health is Health.HEALTHY
        assert not supervisors(place)


def activated(tmp_path: Path, version: str, then: str = "") -> Release:
    files = write_files(tmp_path / f"files-{version}", activate=f"#!/bin/sh\necho {version} >> ~/active\n{then}\n")
    (files / "activate").chmod(0o755)
    return release_of(files, tmp_path / "data")


def replace_options(service: ServicePlace, **options: object) -> ServicePlace:
    return replace(service, options=service.options.model_copy(update=options))


def snapshot(directory: Path) -> dict[str, object]:
    """Everything in a directory, and which processes run for it."""
    files = {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in directory.rglob("*")
        if path.suffix == ".json" or path.is_symlink()
    }
    return {**files, "supervisors": supervisors(directory), "processes": service_processes(directory)}
