"""A real ssh server, on a port of its own, that lets one key in."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.harness import free_port
from tests.real import required, running


@dataclass(frozen=True, slots=True)
class SshServer:
    port: int
    identity: Path
    known_hosts: Path

    def url(self, path: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"


@contextmanager
def sshd(directory: Path) -> Iterator[SshServer]:
    """Run it; everything of it is in the directory."""
    program = required("sshd", "openssh-server")
    directory.mkdir(mode=0o700)
    for name in ("host", "ann"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)]
        subprocess.run(words, check=True, capture_output=True)
    port = free_port()
    key = (directory / "host.pub").read_text()
    (directory / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
    (directory / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {directory}/ann.pub\nStrictModes no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with running([program, "-D", "-e", "-f", str(directory / "config")], directory, port):
        yield SshServer(port, directory / "ann", directory / "known_hosts")
