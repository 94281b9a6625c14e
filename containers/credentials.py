"""Who we are to a registry. What is here reaches no log, no page and no argument list."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from docker import auth
from docker.errors import DockerException

from containers.names import DEFAULT_REGISTRY
from core.api import ConfigurationError, secret, secret_file

#: What Docker's own files call the default registry.
_DEFAULT_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password, or an identity token, for one registry."""

    registry: str
    username: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)

    def header(self) -> str:
        """The value of `X-Registry-Auth` (Docker Engine API, section Authentication)."""
        if self.token:
            given = {"identitytoken": self.token, "serveraddress": self.registry}
        else:
            given = {"username": self.username, "password": self.password, "serveraddress": self.registry}
        return base64.urlsafe_b64encode(json.dumps(given).encode()).decode()


def secret_name(registry: str) -> str:
    """The secret that holds `user:password` for a registry: `registry_ghcr_io`."""
    return "registry_" + re.sub(r"[^a-z0-9]", "_", registry.lower())


def how_to_give(registry: str) -> str:
    """Say how credentials for a registry are given, for an error's text."""
    return f"put `user:password` into {secret_file(secret_name(registry))}, or log in with `docker login {registry}`"


def credentials_for(registry: str) -> Credentials | None:
    """Find the credentials for a registry: in our secrets first, then in Docker's config.json and its helpers.

    :raises ConfigurationError: there are some, and they cannot be read.
    """
    kept = secret(secret_name(registry))
    if kept is not None:
        username, colon, password = kept.partition(":")
        if not colon or not username:
            raise ConfigurationError(f"secret {secret_name(registry)} has to be `user:password`")
        return Credentials(registry, username, password)
    try:
        found = auth.load_config(str(docker_directory() / "config.json")).resolve_authconfig(
            "" if registry == DEFAULT_REGISTRY else registry
        )
    except DockerException as error:
        raise ConfigurationError(f"Docker's credentials for {registry} cannot be read: {error}") from None
    if not found:
        return None
    token = found.get("IdentityToken") or found.get("identitytoken") or ""
    username = found.get("Username") or found.get("username") or ""
    password = found.get("Password") or found.get("password") or ""
    return Credentials(registry, username, password, token)


def docker_directory() -> Path:
    """Where Docker's client keeps its configuration."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def write_config(directory: Path, credentials: list[Credentials]) -> None:
    """Write a config.json for Docker's client that holds these and nothing else; only its owner can read it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    entries = {}
    for each in credentials:
        key = _DEFAULT_KEY if each.registry == DEFAULT_REGISTRY else each.registry
        entry = {"auth": base64.b64encode(f"{each.username}:{each.password}".encode()).decode()}
        entries[key] = {**entry, "identitytoken": each.token} if each.token else entry
    path = directory / "config.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"auths": entries}))
