"""A small world for these tests: real files, a real web service, and releases of it."""

import os
import shutil
import subprocess
import urllib.request
from pathlib import Path
from threading import Event

import pytest

from core.api import Release, ServicePlace
from plugins.host import processes, supervisor
from plugins.host.artifacts import ArtifactStore
from plugins.host.options import DeployerOptions

#: A web service without any import that takes time: it answers its version, with the status that it is told to.
SERVE = """
import os, socket
version, status = open("version").read(), open("status").read()
print("serving", version, flush=True)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(os.environ["PORT"])))
listener.listen()
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    head = f"HTTP/1.1 {status}\\r\\nContent-Length: {len(version)}\\r\\nConnection: close\\r\\n\\r\\n"
    connection.sendall((head + version).encode())
    connection.close()
"""
COMMAND = ("python3", "-S", "-I", "serve.py")
HEALTH = "http://127.0.0.1:{port}/health"


def required(works: bool, reason: str) -> None:
    """Skip where something real is not there, and fail where it has to be."""
    if works:
        return
    if os.environ.get("DEPLOYER_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def bubblewrap_works() -> bool:
    command = ("bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true")
    return bool(shutil.which("bwrap")) and subprocess.run(command, check=False, capture_output=True).returncode == 0


def write_files(directory: Path, **files: str) -> Path:
    """Make a directory with these files; a `__` in a name is a dot: `serve__py`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return directory


def release_of(files: Path, data: Path, image: str = "sample/hello:live") -> Release:
    """Store a directory as an artifact, and publish it."""
    store = ArtifactStore(data)
    digest = store.store(files, Event())
    return Release(image=image, digest=store.publish(image, {"linux/amd64": digest}))


def web_release(tmp_path: Path, version: str, *, status: str = "200 OK", serve: str = SERVE) -> Release:
    """A release of the web service."""
    files = write_files(tmp_path / f"files-{version}", serve__py=serve, version=version, status=status)
    return release_of(files, tmp_path / "data")


def web_service(port: int, name: str = "hello", **options: object) -> ServicePlace:
    """A service that runs the web service on a port."""
    given = {"command": COMMAND, "port": port, "health": HEALTH, "health_timeout": 20, "stop_timeout": 2, **options}
    return ServicePlace(name=name, options=DeployerOptions.model_validate(given))


def served(port: int) -> str:
    """What the service says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return answer.read().decode()


def supervisors(directory: Path) -> list[int]:
    """The processes that supervise this directory."""
    wanted = [supervisor.__name__.encode(), os.fsencode(directory)]
    return [process for process in _processes() if all(word in _words(process) for word in wanted)]


def service_processes(directory: Path) -> list[int]:
    return processes.marked(supervisor.MARK, str(directory))


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _words(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
