"""What this host offers to a sandbox, and whether bubblewrap works here at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from core.api import OperationError, Stalled, ask
from plugins.host.commands import SYSTEM_PATH, Host, Rooms, sandboxed

#: The directories of programs; those that are links into /usr stay links.
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
#: What programs look up, and nothing that is secret on any system: no keys, no passwords, no configuration of services.
_LOOKED_UP = (
    "/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/group", "/etc/host.conf", "/etc/hosts",
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/mime.types",
    "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/pki/ca-trust", "/etc/pki/tls/certs",
    "/etc/protocols", "/etc/resolv.conf", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
)  # fmt: skip
#: All that bubblewrap itself is given of an environment.
OUTER_ENVIRONMENT = {"PATH": ":".join(SYSTEM_PATH)}


def own_tools() -> tuple[str, ...]:
    """The Python that the deployer runs on, without its packages, where the system does not have it already."""
    prefix = Path(sys.base_prefix)
    return () if prefix.is_relative_to("/usr") else (str(prefix),)


def host(tools: Sequence[str], secret: Sequence[Path]) -> Host:
    """Look at this host.

    :param tools: directories outside /usr that the command may read.
    :param secret: places whose common directory it must not see, even where it lies in one that it may read.
    :raises Stalled: bubblewrap or one of the tools is not there.
    """
    bwrap = shutil.which("bwrap", path=OUTER_ENVIRONMENT["PATH"])
    if not bwrap:
        raise Stalled("bubblewrap (the program `bwrap`) is not installed on this host")
    for tool in tools:
        if not Path(tool).is_dir():
            raise Stalled(f"{tool}, one of the `tools`, is no directory on this host")
    directories = [path for path in _SYSTEM if Path(path).is_dir() and not Path(path).is_symlink()]
    looked_up = [path for path in _LOOKED_UP if Path(path).exists()]
    readable = ["/usr", *directories, *looked_up, *tools]
    private = Path(os.path.commonpath([path.resolve() for path in secret]))
    return Host(
        bwrap=bwrap,
        links={path: str(Path(path).readlink()) for path in _SYSTEM if Path(path).is_symlink()},
        readable=readable,
        hidden=[str(private)] if any(private.is_relative_to(Path(path).resolve()) for path in readable) else [],
    )


class Probe:
    """Whether a sandbox can be made here: user namespaces may be forbidden. Found out once, when it works."""

    def __init__(self) -> None:
        self._works = False

    async def fault(self, host: Host, rooms: Rooms) -> str:
        """Say why there can be no sandbox; nothing when there can."""
        if self._works:
            return ""
        command = sandboxed(("true",), host=host, rooms=rooms, env=OUTER_ENVIRONMENT, network=False)
        try:
            await ask(command, env=OUTER_ENVIRONMENT)
        except OperationError as error:
            return f"bubblewrap cannot make a sandbox on this host: {error}"
        self._works = True
        return ""
