"""What the environment says of registries: which may be spoken to in plain text, and whose certificates are believed."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, FilePath

from core.api import PluginSettings


class RegistrySettings(PluginSettings, env_prefix="DEPLOYER_", env_ignore_empty=True):
    """Which registries are believed, whichever plugin asks them."""

    insecure_registries: str = Field(
        "", description="Registries that speak plain http, separated by commas: `registry.lan:5000,10.0.0.7:5000`."
    )
    registry_ca: FilePath | None = Field(
        None,
        description="File of certificates (PEM) of authorities that are believed besides those of the system. Docker's own"
        " `/etc/docker/certs.d` counts too.",
    )


#: What they are read from, for errors that say what to set.
INSECURE, AUTHORITY = RegistrySettings.variable("insecure_registries"), RegistrySettings.variable("registry_ca")
#: Where Docker looks for a registry's own authority (https://docs.docker.com/engine/security/certificates/).
CERTIFICATES = Path("/etc/docker/certs.d")


def may_be_plain(registry: str) -> bool:
    """Tell whether a registry may be spoken to by plain http: it is this host, or was named in the setting.

    :param registry: a host with or without a port, as in an image's name.
    """
    named = [word.strip().lower() for word in RegistrySettings.read().insecure_registries.split(",")]
    return is_loopback(registry) or (bool(registry) and registry.lower() in named)


def is_loopback(registry: str) -> bool:
    """Tell whether a registry is on this host: 127.0.0.0/8, ::1 or localhost."""
    try:
        host = urlsplit(f"//{registry}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def authorities(registry: str) -> list[Path]:
    """List the files of authorities to believe for a registry, besides those of the system.

    :raises ConfigurationError: the one that the settings name is not there.
    """
    own = CERTIFICATES / registry / "ca.crt"
    given = RegistrySettings.read().registry_ca
    return [*([given] if given else []), *([own] if own.is_file() else [])]


def how_to_trust(registry: str) -> str:
    """Say how an authority is given, for an error's text."""
    return (
        f"give its authority's certificate in the file that {AUTHORITY} names, or in {CERTIFICATES / registry}/ca.crt"
    )
