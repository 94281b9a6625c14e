"""What is said to a machine that runs unikernels, as command lines. Pure but for the setting that names ssh's configuration."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from containers.tunnels import SshSettings
from core.api import Stalled

#: What upstream's `mirage-redeploy` takes.
NAME = re.compile(r"[A-Za-z][-0-9A-Za-z_]*")
_HOST = re.compile(
    r"(?:ssh://)?(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9a-fA-F:]+\])(?::(?P<port>\d{1,5}))?/?"
)
_OPTIONS = ("BatchMode=yes", "ConnectTimeout=10", "ControlPath=none", "ServerAliveInterval=5", "ServerAliveCountMax=3")
#: Between what one question prints and what the next one does.
_MARK = "--- record ---"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that ssh reaches: `root@10.0.0.7`, `ssh://oak:2222`."""

    user: str
    host: str
    port: str

    @classmethod
    def parse(cls, text: str) -> Machine:
        """Read a service's host.

        :raises Stalled: ssh could take it for something else.
        """
        match = _HOST.fullmatch(text)
        if not match:
            raise Stalled(f"{text!r} is no host: it is written `user@host` or `ssh://user@host:port`")
        return cls(user=match["user"] or "", host=match["host"].strip("[]"), port=match["port"] or "")

    def ssh(self, script: str) -> list[str]:
        """The command that runs a script there."""
        return [*self._ssh, "--", self.host, script]

    def rsync(self, source: str, target: str) -> list[str]:
        """The command that copies a file there; it appears in full, under its name, when all of it has arrived."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        shell = shlex.join(self._ssh)
        # By size and time alone, a file that was built in the same second would be taken for the one that is there.
        return [
            "rsync",
            "--checksum",
            "--compress",
            "--chmod=F644",
            "--timeout=60",
            "--rsh",
            shell,
            "--",
            source,
            f"{host}:{target}",
        ]

    @property
    def _ssh(self) -> list[str]:
        config = SshSettings.read().config
        words = ["ssh", "-T", *(["-F", str(config)] if config else []), *(f"-o{option}" for option in _OPTIONS)]
        words += ["-p", self.port] if self.port else []
        return words + (["-l", self.user] if self.user else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where a unikernel is on its machine: the file, the former one, and the record of what it is."""

    file: str

    @property
    def former(self) -> str:
        return f"{self.file}.former"

    @property
    def record(self) -> str:
        return f"{self.file}.release"


def look(paths: Paths) -> str:
    """The script that tells what is there: the file's SHA-256, a mark, and the record."""
    file, record = shlex.quote(paths.file), shlex.quote(paths.record)
    return (
        f"if [ -e {file} ]; then sha256sum -- {file}; fi; echo '{_MARK}'; if [ -e {record} ]; then cat -- {record}; fi"
    )


def keep(paths: Paths) -> str:
    """The script that keeps the file as the former one."""
    file, former = shlex.quote(paths.file), shlex.quote(paths.former)
    return f"cp -p -- {file} {former}.new && mv -f -- {former}.new {former}"


def put_back(paths: Paths) -> str:
    """The script that puts the former file in the place of the newer."""
    file, former = shlex.quote(paths.file), shlex.quote(paths.former)
    return f"cp -p -- {former} {file}.new && mv -f -- {file}.new {file}"


def take_away(paths: Paths) -> str:
    """The script that takes away a file that has no former one."""
    return f"rm -f -- {shlex.quote(paths.file)}"


def write_record(paths: Paths) -> str:
    """The script that writes the record from its standard input."""
    record = shlex.quote(paths.record)
    return f"cat > {record}.new && mv -f -- {record}.new {record}"


def redeploy(command: str, name: str) -> str:
    """The script that has the unikernel started from its file."""
    return f"{shlex.quote(command)} {shlex.quote(name)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is on the machine.

    :param sha256: of the file; empty where there is none.
    :param digest: the release that the record names; empty where there is no record.
    :param recorded: the SHA-256 that the file had then.
    """

    sha256: str = ""
    digest: str = ""
    recorded: str = ""

    @property
    def running(self) -> str | None:
        """The release whose file is there; None where nobody knows what it is."""
        return self.digest if self.digest and self.sha256 == self.recorded else None

    @classmethod
    def parse(cls, printed: bytes) -> Seen:
        """Understand what `look` prints; a record that cannot be read is none."""
        text, _, record = printed.decode(errors="replace").partition(f"{_MARK}\n")
        sha256 = text.split()[0].lstrip("\\") if text.split() else ""
        told = _object(record)
        digest, recorded = told.get("release"), told.get("sha256")
        known = isinstance(digest, str) and re.fullmatch(r"sha256:[0-9a-f]{64}", digest)
        return cls(sha256=sha256, digest=str(digest) if known else "", recorded=str(recorded or ""))


def _object(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
