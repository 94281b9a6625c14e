"""The world of the chaos test: hosts, each a network namespace with a clock and disks of its own, and what runs there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from containers.registry import settings
from core.testing.git_server import GitServer
from tests.chaos import engine
from tests.chaos.engine import REPOSITORY, Engine
from tests.chaos.network import Network, network
from tests.chaos.processes import Init, Service
from tests.distributions import brings
from tests.docker_real import RealEngine, stop
from tests.e2e.harness import ROOT
from tests.real import required, skip_or_fail

#: Seconds.
LEASE = 6
PRODUCT = ("web", "runner-a", "runner-b", "qcluster-a", "qcluster-b")
#: Small file systems: the directory's name and its size.
DISKS = {"runner-a": "24m", "runner-b": "24m", "logs": "24m"}

FLAVOUR = """
import os
from core.api import Flavour, Recipe, Repository, Service, Target, Use

def repository(name, services, rollout="together"):
    source = Use("git", url=os.environ["CHAOS_GIT"] + f"/{name}.git", pull_requests="refs/pull/*/head")
    short = name.partition("/")[2]
    runs = [Service(f"{short}-{name}", Use("chaos")) for name in services]
    target = Target("live", f"{name}:live", runs, rollout=rollout)
    return Repository(name, source, [Recipe("web", Use("chaos"), targets=[target])], poll=2)

repositories = [
    repository("chaos/one", ["a", "b"]),
    repository("chaos/two", ["a", "b", "slow"]),
    repository("chaos/row", ["a", "b", "c"], "in-order"),
]
chaos = Flavour("chaos", repositories, notifiers=[Use("chaos")])
careful = Flavour("careful", [repository("careful/shop", ["a"])], notifiers=[Use("chaos")])
"""
#: The repositories, and the services of each: their names are the repository's with these words behind.
REPOSITORIES = {
    "chaos/one": ("a", "b"),
    "chaos/two": ("a", "b", "slow"),
    "chaos/row": ("a", "b", "c"),
    "careful/shop": "a",
}


def image_of(repository: str) -> str:
    return f"{repository}:live"


class World:
    """Everything, running. Make it by `world`."""

    def __init__(self, directory: Path, net: Network, *, engine: bool) -> None:
        self.directory, self.net = directory, net
        self.engine = Engine(self) if engine else None
        self.repositories = dict(REPOSITORIES) | ({REPOSITORY: ()} if engine else {})
        self.services: dict[str, Service] = {}
        self.git = GitServer(directory / "git")
        self._observer: subprocess.Popen[str] | None = None
        self._asking = threading.Lock()
        self.token = ""

    # Places

    def disk(self, name: str) -> Path:
        return self.directory / "disks" / name

    def clock(self, host: str) -> Path:
        return self.directory / "clocks" / host

    def url(self, host: str, port: int) -> str:
        return f"http://{self.net.address(host)}:{port}"

    @property
    def journal(self) -> Path:
        return self.directory / "outside" / "journal"

    def step_clock(self, host: str, seconds: int) -> None:
        """Set the time of day of a host's processes forward or back; 0 sets it right."""
        # In place: the processes have it mapped.
        with self.clock(host).open("r+b") as file:
            file.write(struct.pack("q", seconds))

    # The observer

    def ask(self, verb: str, **facts: Any) -> dict[str, Any]:
        """Ask the observer; see there for the verbs. The answer has `error` where the database could not be asked."""
        with self._asking:
            assert self._observer
            assert self._observer.stdin
            assert self._observer.stdout
            self._observer.stdin.write(json.dumps({"verb": verb, **facts}) + "\n")
            self._observer.stdin.flush()
            line = self._observer.stdout.readline()
        assert line, f"the observer has ended: {(self.directory / 'output' / 'observer').read_text()[-3000:]}"
        told: dict[str, Any] = json.loads(line)
        return told

    def events(self) -> list[dict[str, Any]]:
        """What the journal outside says, oldest first."""
        return [json.loads(line) for line in self.journal.read_text().splitlines()]

    # Beginning

    def begin(self, stack: ExitStack) -> None:
        for name in ("clocks", "output", "outside", "disks", "package", "postgres", "redis"):
            (self.directory / name).mkdir()
        self._make_disks(stack)
        self._compile_clock()
        self._declare()
        for name in self.repositories:
            self.git.create(name)
        self._describe()
        stack.callback(self._stop_observer)
        stack.enter_context(Init(self.services))
        for name in ("postgres", "redis", "git", "outside"):
            self.services[name].start()
        self.until(lambda: self.answers("database", 5432) and self.answers("database", 6379), "the database", 30)
        self.until(lambda: self.answers("git", 80) and self.answers("outside", 80), "git and the outside", 30)
        if self.engine:
            stack.callback(self._end_engine)
            for name in ("registry", "engine"):
                self.services[name].start()
            self.engine.prepare()
        self._start_observer()
        self.token = self.ask("setup", flavours=self._flavours)["token"]
        for name in PRODUCT:
            self.services[name].start()
        self.until(lambda: self.answers("web", 8000), "the web", 60)

    @property
    def _flavours(self) -> list[str]:
        return ["chaos", "careful", *(["real"] if self.engine else [])]

    def _end_engine(self) -> None:
        assert self.engine
        self.engine.end()
        self.services["engine"].stop()
        # What is left of earlier daemons, mounts and files.
        stop(RealEngine(self.directory / "engine"))

    def until(self, what: Callable[[], Any], name: str, seconds: float) -> Any:
        """Wait until something is true, and answer it."""
        end = time.monotonic() + seconds
        while not (value := what()):
            assert time.monotonic() < end, f"waited {seconds} s for {name}. {self.outputs()}"
            time.sleep(0.1)
        return value

    def answers(self, host: str, port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.net.address(host), port)) == 0

    def outputs(self, limit: int = 1500) -> str:
        """The last words of every process."""
        paths = sorted((self.directory / "output").iterdir())
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-limit:]}" for path in paths)

    def _make_disks(self, stack: ExitStack) -> None:
        for name, size in DISKS.items():
            self.disk(name).mkdir()
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}", "chaos", str(self.disk(name))],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                skip_or_fail(f"small file systems cannot be mounted here: {done.stderr.strip()}")
            stack.callback(subprocess.run, ["umount", "--lazy", str(self.disk(name))], check=False)
        for host in PRODUCT:
            self.disk(host).mkdir(exist_ok=True)
            # Logs are shared, as the instructions for several hosts ask for; everything else is a host's own.
            (self.disk(host) / "logs").symlink_to(self.disk("logs"))

    def _compile_clock(self) -> None:
        words = [required("gcc", "gcc"), "-shared", "-fPIC", "-O2", "-o", str(self.directory / "clock.so")]
        subprocess.run([*words, str(Path(__file__).with_name("clock.c"))], check=True, capture_output=True)
        for host in PRODUCT:
            self.clock(host).write_bytes(struct.pack("q", 0))

    def _declare(self) -> None:
        package = self.directory / "package"
        (package / "chaos_flavours.py").write_text(FLAVOUR + (engine.FLAVOUR if self.engine else ""))
        brings(
            package,
            "chaos",
            plugins={"chaos": "tests.chaos.plugin.apps:ChaosConfig"},
            flavours={name: f"chaos_flavours:{name}" for name in self._flavours},
        )

    def environment(self, host: str) -> dict[str, str]:
        """What a process of the deployer on a host is started with; a host without a clock has everybody's."""
        database = self.net.address("database")
        clock = {"LD_PRELOAD": str(self.directory / "clock.so"), "CHAOS_CLOCK": str(self.clock(host))}
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
            "DEPLOYER_DATA_DIR": str(self.disk(host)),
            "DEPLOYER_DATABASE_URL": f"postgres://deployer@{database}:5432/postgres",
            "DEPLOYER_REDIS_URL": f"redis://{database}:6379/0",
            "DEPLOYER_SECRET_KEY": "chaos" * 12,
            "DEPLOYER_BASE_URL": self.url("web", 8000),
            "DEPLOYER_ALLOWED_HOSTS": self.net.address("web"),
            "DEPLOYER_LEASE_SECONDS": str(LEASE),
            "CHAOS_GIT": self.url("git", 80),
            "CHAOS_OUTSIDE": self.url("outside", 80),
            "PYTHONPATH": os.pathsep.join([str(self.directory / "package"), str(ROOT)]),
            **(clock if host in PRODUCT else {}),
            **(self._engine_environment(self.engine) if self.engine else {}),
        }

    def _engine_environment(self, real: Engine) -> dict[str, str]:
        docker = self.directory / "docker"
        docker.mkdir(exist_ok=True)
        insecure = {settings.INSECURE: real.registry, "DOCKER_CONFIG": str(docker)}
        return {"CHAOS_ENGINE": real.url, "CHAOS_REGISTRY": real.registry, **insecure}

    def _describe(self) -> None:
        python, manage = sys.executable, (sys.executable, "manage.py")
        everywhere = "0.0.0.0"
        for host, words in {
            "web": (*manage, "run_web", "--host", everywhere, "--port", "8000"),
            "runner-a": (*manage, "run_runner"),
            "runner-b": (*manage, "run_runner"),
            "qcluster-a": (*manage, "qcluster"),
            "qcluster-b": (*manage, "qcluster"),
        }.items():
            self._add(host, host, words)
        self._add("git", "git", (python, "-m", "tests.chaos.git_host", everywhere, "80", str(self.git.root)))
        outside = (python, "-m", "tests.chaos.outside", everywhere, "80", str(self.directory / "outside"))
        self._add("outside", "outside", outside)
        for name, command in (self.engine.describe() if self.engine else {}).items():
            self._add(name, "engine", command)
            # As Docker's own unit has it: containers outlive the daemon.
            self.services[name].grouped = name != "engine"
        self._add("postgres", "database", self._postgres())
        redis = (required("redis-server", "redis-server"), "--bind", everywhere, "--protected-mode", "no")
        self._add("redis", "database", (*redis, "--save", "", "--dir", str(self.directory / "redis")))

    def _add(self, name: str, host: str, words: Sequence[str]) -> None:
        output = self.directory / "output" / name
        self.services[name] = Service(name, host, (*self.net.inside(host), *words), self.environment(host), output)

    def _postgres(self) -> tuple[str, ...]:
        initdb, server = required("initdb", "postgresql"), required("postgres", "postgresql")
        directory = self.directory / "postgres"
        shutil.chown(directory, "postgres", "postgres")
        user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        data = f"{directory}/data"
        words = (initdb, "--pgdata", data, "--auth=trust", "--username=deployer", "--no-sync", "--encoding=UTF8")
        subprocess.run([*user, *words], check=True, capture_output=True, cwd=directory)
        with (directory / "data" / "pg_hba.conf").open("a") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        settings = ("-c", "listen_addresses=*", "-c", "fsync=off", "-c", f"unix_socket_directories={directory}")
        return (*user, server, "-D", data, *settings)

    def _start_observer(self) -> None:
        environment = self.environment("observer") | {"DEPLOYER_DATA_DIR": str(self.directory / "observer")}
        with (self.directory / "output" / "observer").open("wb") as output:
            self._observer = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.observer"],
                env=environment, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output,
            )  # fmt: skip

    def _stop_observer(self) -> None:
        if self._observer:
            self._observer.kill()
            self._observer.wait()


@contextmanager
def world(*, with_engine: bool = False) -> Iterator[World]:
    """The world, running; all of it is gone at the end.

    :param with_engine: with a real Docker engine, which takes a while to start.
    """
    if os.getuid():
        skip_or_fail("network namespaces can only be made by root")
    # Not one of pytest's directories: PostgreSQL's user could not reach it.
    directory = Path(tempfile.mkdtemp(prefix="deployer-chaos-"))
    directory.chmod(0o755)
    try:
        with network() as net, ExitStack() as stack:
            made = World(directory, net, engine=with_engine)
            stack.callback(made.git._server.server_close)
            made.begin(stack)
            yield made
    finally:
        with suppress(OSError):
            shutil.rmtree(directory)
