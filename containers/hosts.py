"""Which engine a host's name means: a Docker context, an address, or a host that ssh knows."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from containers.credentials import docker_directory
from core.api import ConfigurationError

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_SCHEMES = ("unix", "tcp", "ssh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an engine listens.

    :param url: `unix:///path`, `tcp://host:port` or `ssh://user@host:port`, as in DOCKER_HOST.
    :param certificates: a directory with `ca.pem`, `cert.pem` and `key.pem`; None for no TLS.
    :param verify: whether the engine's certificate is checked.
    :param origin: how it was found, for people.
    """

    url: str
    certificates: Path | None = None
    verify: bool = True
    origin: str = ""


def find(host: str) -> Endpoint:
    """Find the engine of a host.

    Nothing means the engine of the environment (`DOCKER_HOST`, or the local socket). Otherwise the name is looked up
    among Docker's contexts; an address is taken as it is; any other name is a host that the system's ssh reaches.

    :raises ConfigurationError: the context cannot be read, or the address is none.
    """
    if not host:
        return _from_environment()
    if "://" in host:
        return _address(host, origin="the address")
    return _context(host) or _address(f"ssh://{host}", origin="ssh, as there is no Docker context of that name")


def _from_environment() -> Endpoint:
    url = os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET
    verify = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    certificates = os.environ.get("DOCKER_CERT_PATH")
    directory = Path(certificates) if certificates else docker_directory()
    secured = directory if url.startswith("tcp://") and (verify or certificates) else None
    origin = "DOCKER_HOST" if os.environ.get("DOCKER_HOST") else "this host's own engine"
    return _address(url, origin=origin, certificates=secured, verify=verify)


def _context(name: str) -> Endpoint | None:
    """A context as `docker context create` keeps it, in a directory named by the hash of its name."""
    key = sha256(name.encode()).hexdigest()
    directory = docker_directory() / "contexts"
    path = directory / "meta" / key / "meta.json"
    try:
        kept = json.loads(path.read_text())["Endpoints"]["docker"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"Docker's context {name!r} cannot be read from {path}: {error!r}") from None
    certificates = directory / "tls" / key / "docker"
    return _address(
        str(kept.get("Host") or DEFAULT_SOCKET),
        origin=f"Docker's context {name}",
        certificates=certificates if certificates.is_dir() else None,
        verify=not kept.get("SkipTLSVerify", False),
    )


def _address(url: str, *, origin: str, certificates: Path | None = None, verify: bool = True) -> Endpoint:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    host = parts.hostname or ""
    wrong = parts.scheme not in _SCHEMES
    wrong |= not parts.path if parts.scheme == "unix" else not re.fullmatch(r"[A-Za-z0-9_\[][A-Za-z0-9_.:\]-]*", host)
    # It becomes a word of ssh's command line.
    wrong |= (parts.username or "").startswith("-")
    if wrong:
        raise ConfigurationError(
            f"{url!r} ({origin}) is no engine's address: unix:///path, tcp://host:port or ssh://user@host"
        )
    return Endpoint(url=url, certificates=certificates, verify=verify, origin=origin)
