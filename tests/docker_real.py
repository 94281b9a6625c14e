"""A real Docker engine in swarm mode, a second one, and real registries, started by the tests and gone with them.

The first engine is shared by all tests on the machine, as the ports of a swarm are: whoever needs it first starts it, and
the last one to leave ends it. What tests make on it has names of their own (`unique`), and is theirs to remove.
"""

from __future__ import annotations

import fcntl
import getpass
import io
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.harness import free_port
from tests.real import required, running, skip_or_fail
from tests.ssh_server import sshd

#: A web server of a few hundred kilobytes: `/www` on port 80.
SERVE = "exec busybox httpd -f -p 80 -h /www"
#: What answers when the file /www/health is there.
HEALTH = "HEALTHCHECK --interval=1s --timeout=1s --retries=2 --start-period=1s CMD wget -q -O - http://127.0.0.1/health"


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{secrets.token_hex(4)}"


#: Where containers of the shared engine find what listens on this host.
ADDRESS = "10.213.0.1"


@dataclass(frozen=True, slots=True)
class RealEngine:
    """A running engine.

    :param directory: everything of it is in there.
    """

    directory: Path

    @property
    def socket(self) -> Path:
        return self.directory / "docker.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> docker.DockerClient:
        """An independent view of it, by Docker's own library."""
        return docker.DockerClient(base_url=self.url, timeout=120)

    def cli(self, *words: str, check: bool = True, environment: Mapping[str, str] | None = None) -> str:
        """Docker's own command line on it."""
        environment = {**os.environ, **(environment or {}), "DOCKER_HOST": self.url}
        done = subprocess.run([cli_program(), *words], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{words}: {done.stderr}"
        return (done.stdout if check else done.stdout + done.stderr).strip()


def cli_program() -> str:
    """Debian's own client where there is one: newer ones need a plugin to build."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else required("docker", "docker.io")


# Engines


@contextmanager
def shared_engine() -> Iterator[RealEngine]:
    """The engine of all tests, in swarm mode."""
    _required_engine()
    directory = Path(tempfile.gettempdir()) / "deployer-engine-shared"
    directory.mkdir(exist_ok=True)
    _sweep(keep=directory)
    engine = RealEngine(directory)
    with (directory / "users").open("a+b") as users:
        with locked(directory):
            if not _answers(engine):
                _start(engine, "deployer-all", f"{ADDRESS}/16")
                _load_base(engine)
            if engine.cli("info", "--format", "{{.Swarm.LocalNodeState}}") != "active":
                engine.cli("swarm", "init", "--advertise-addr", "127.0.0.1")
            fcntl.flock(users, fcntl.LOCK_SH)
        yield engine
        with locked(directory):
            fcntl.flock(users, fcntl.LOCK_UN)
            if _alone(directory):
                stop(engine)


@contextmanager
def another_engine(*options: str) -> Iterator[RealEngine]:
    """An engine of its own: for what needs two, and for what stops them. It is in no swarm.

    :param options: more words for `dockerd`.
    """
    _required_engine()
    engine = RealEngine(Path(tempfile.mkdtemp(prefix=f"deployer-engine-{os.getpid()}-")))
    try:
        # Several processes of tests may each have one at the same time.
        number = secrets.randbelow(36 * 256)
        _start(engine, f"deployer{number}", f"10.{214 + number // 256}.{number % 256}.1/24", *options)
        _load_base(engine)
        yield engine
    finally:
        stop(engine)


def _required_engine() -> None:
    required("dockerd", "docker.io")
    if os.getuid():
        skip_or_fail("an engine of the tests' own can only be started by root")


def start_again(engine: RealEngine) -> None:
    """Start an engine that was killed, with what it had."""
    _start(engine, (engine.directory / "bridge").read_text(), "")


def kill(engine: RealEngine) -> None:
    """End an engine's daemon as a crash would."""
    pid = int((engine.directory / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the engine to be gone")
    (engine.directory / "pid").unlink(missing_ok=True)


def stop(engine: RealEngine) -> None:
    """End an engine with all that it runs, and remove what it kept."""
    with suppress(docker.errors.DockerException):
        for each in engine.client().containers.list():
            each.remove(force=True)
    with suppress(Exception):
        engine.cli("swarm", "leave", "--force", check=False)
    with suppress(OSError, ValueError):
        pid = int((engine.directory / "pid").read_text())
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), "the engine to end", seconds=30)
    _end_all_of(engine.directory)
    with suppress(OSError):
        subprocess.run(
            ["ip", "link", "delete", (engine.directory / "bridge").read_text()], check=False, capture_output=True
        )
    _unmount(engine.directory)
    shutil.rmtree(engine.directory, ignore_errors=True)
    Path(f"{engine.directory}.lock").unlink(missing_ok=True)


def _start(engine: RealEngine, bridge: str, address: str, *options: str) -> None:
    directory = engine.directory
    if address:
        # A bridge of its own: the usual one belongs to an engine that the machine may have.
        (directory / "bridge").write_text(bridge)
        for words in (["add", bridge, "type", "bridge"], ["set", bridge, "up"]):
            subprocess.run(["ip", "link", *words], check=False, capture_output=True)
        subprocess.run(["ip", "address", "add", address, "dev", bridge], check=False, capture_output=True)
    words = [
        required("dockerd", "docker.io"), "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec",
        "--pidfile", f"{directory}/pid", "--host", engine.url, "--bridge", bridge, "--shutdown-timeout", "3", *options,
    ]  # fmt: skip
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    with (directory / "log").open("ab") as log:
        # Nobody's child: whichever test process is the last to use it ends it.
        subprocess.run(["setsid", "--fork", *words], stdout=log, stderr=log, env=environment, check=True)
    try:
        wait_for(lambda: _answers(engine), "the engine to answer", seconds=60)
    except AssertionError:
        raise AssertionError(f"the engine did not start: {(directory / 'log').read_text()[-3000:]}") from None


def _answers(engine: RealEngine) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.settimeout(5)
        probe.connect(str(engine.socket))
        probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        return b"200 OK" in probe.recv(100)
    return False


def _alone(directory: Path) -> bool:
    with (directory / "users").open("a+b") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    with Path(f"{directory}.lock").open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(keep: Path) -> None:
    """End what runs that were killed left behind."""
    for directory in Path(tempfile.gettempdir()).glob("deployer-engine-*"):
        if directory == keep or not directory.is_dir():
            continue
        owner = directory.name.removeprefix("deployer-engine-").partition("-")[0]
        used = (directory / "users").exists() and not _alone(directory)
        if not used and not (owner.isdigit() and Path(f"/proc/{owner}").exists()):
            with locked(directory):
                stop(RealEngine(directory))


def _end_all_of(directory: Path) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(directory).encode() in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _unmount(directory: Path) -> None:
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines() if str(directory) in line]
    for path in sorted(mounts, reverse=True):
        subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)


def wait_for(done: Callable[[], Any], what: str, seconds: float = 20) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


# Images, made from nothing


def busybox_tree(**files: str) -> bytes:
    """A root file system with busybox, and these files more, as a tar archive."""
    program = required("busybox", "busybox-static")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(program, "bin/busybox")
        for applet in (
            "cat",
            "echo",
            "env",
            "false",
            "grep",
            "httpd",
            "ls",
            "mkdir",
            "printenv",
            "sh",
            "sleep",
            "test",
            "touch",
            "true",
            "wget",
        ):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name in ("tmp", "www"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o777
            tar.addfile(directory)
        for name, text in files.items():
            file = tarfile.TarInfo(name)
            file.size = len(text.encode())
            tar.addfile(file, io.BytesIO(text.encode()))
    return buffer.getvalue()


#: The image that others are made from, on every engine of the tests.
BASE = "base:latest"


def _load_base(engine: RealEngine) -> None:
    client = engine.client()
    client.api.import_image_from_data(
        busybox_tree(), repository="base", tag="latest", changes=["ENV PATH=/bin", 'CMD ["sleep", "3153600"]']
    )


def web_dockerfile(word: str, *, healthy: bool = True, command: str = SERVE) -> str:
    """A Dockerfile of a web service that answers `word`; without `healthy` its health check never succeeds.

    What it serves is written at its start: to build it, no container has to run.
    """
    health = "echo fine > /www/health; " if healthy else ""
    start = f"echo '{word}' > /www/index.html; {health}{command}"
    return f'FROM {BASE}\n{HEALTH}\nCMD ["sh", "-c", {json.dumps(start)}]\n'


def push_image(engine: RealEngine, name: str, dockerfile: str) -> str:
    """Build an image from a Dockerfile, push it, and answer its digest."""
    client = engine.client()
    # It shares nothing with images of other tests: what they remove at the same time would be gone for this one too.
    own = dockerfile.replace("\n", f"\nLABEL of={name.rpartition(':')[0]}\n", 1)
    client.images.build(fileobj=io.BytesIO(own.encode()), tag=name, rm=True)
    for line in client.api.push(name, stream=True, decode=True):
        assert "error" not in line, line
        if "aux" in line:
            client.images.remove(name)
            return str(line["aux"]["Digest"])
    raise AssertionError("the push told no digest")


# Registries


@dataclass(frozen=True, slots=True)
class RealRegistry:
    """A running registry.

    :param name: what stands before an image's name: `127.0.0.1:5000`.
    :param authority: the certificate authority's file, where it is behind TLS.
    """

    name: str
    directory: Path
    username: str = ""
    password: str = ""
    authority: Path | None = None


@contextmanager
def registry(
    directory: Path,
    *,
    password: str = "",
    tls: bool = False,
    auth: dict[str, Any] | None = None,
    address: str = "127.0.0.1",
    delete: bool = True,
) -> Iterator[RealRegistry]:
    """Debian's docker-registry; with a password for the user `ann`, or behind TLS with an authority of its own.

    :param auth: instead of the password, the section `auth` of its settings.
    :param address: of this host, where it is found.
    :param delete: whether it removes images.
    """
    program = required("docker-registry", "docker-registry")
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    http: dict[str, Any] = {"addr": f"{address}:{port}"}
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}, "delete": {"enabled": delete}},
        "http": http,
    }
    if password:
        words = [required("htpasswd", "apache2-utils"), "-Bbn", "ann", password]
        (directory / "htpasswd").write_bytes(subprocess.run(words, check=True, capture_output=True).stdout)
        settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}}
    if auth:
        settings["auth"] = auth
    authority = None
    if tls:
        authority = make_certificates(directory, address)
        http["tls"] = {"certificate": str(directory / "server.pem"), "key": str(directory / "server.key")}
    (directory / "config.json").write_text(json.dumps(settings))
    with running([program, "serve", str(directory / "config.json")], directory, port, address=address):
        yield RealRegistry(f"{address}:{port}", directory, "ann" if password else "", password, authority)


def make_certificates(directory: Path, address: str = "127.0.0.1") -> Path:
    """An authority and a certificate for an address (`server`) and for a client (`client`); answers the authority's file."""
    openssl = required("openssl", "openssl")

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], check=True, capture_output=True, cwd=directory)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests' authority")
    for name in ("server", "client"):
        run("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (directory / "extensions").write_text(f"subjectAltName=IP:{address},DNS:localhost\n")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
        run("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    return directory / "ca.pem"


# Fixtures: import them in a conftest.py


@pytest.fixture(scope="session")
def engine() -> Iterator[RealEngine]:
    """The engine that all tests share, in swarm mode."""
    with shared_engine() as real:
        yield real


@pytest.fixture(scope="session")
def plain_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry that asks for nothing."""
    with registry(tmp_path_factory.mktemp("registry")) as real:
        yield real


@pytest.fixture(scope="session")
def closed_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry that lets nobody in without a password."""
    with registry(tmp_path_factory.mktemp("registry"), password="sesame-open-yourself") as real:
        yield real


@pytest.fixture(scope="session")
def tls_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """A registry behind TLS, with an authority that nobody else knows."""
    with registry(tmp_path_factory.mktemp("registry"), tls=True) as real:
        yield real


@pytest.fixture
def ssh_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A host that the system's ssh knows by a name of its own, `builder`; yields the name."""
    with sshd(tmp_path / "sshd") as server:
        config = tmp_path / "ssh_config"
        config.write_text(
            f"Host builder\n HostName 127.0.0.1\n Port {server.port}\n User {getpass.getuser()}\n"
            f" IdentityFile {server.identity}\n IdentitiesOnly yes\n UserKnownHostsFile {server.known_hosts}\n"
        )
        monkeypatch.setenv("DEPLOYER_SSH_CONFIG", str(config))
        yield "builder"
