"""Caddy sites: a project with one container for each domain. What is declared of them, and the file that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any, Self

from pydantic import Field, model_validator

from core.api import Options

#: Where the image keeps the site's files.
ROOT = "/usr/share/caddy"
_DOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class CaddySite(Options):
    """Domains that Caddy serves with certificates of its own, on ports 80 and 443 of the host."""

    domains: dict[str, IPv4Address | None] = Field(
        min_length=1, description="Each domain, with the host's IPv4 address that it is bound to, or null for all."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        for domain in self.domains:
            if not _DOMAIN.fullmatch(domain):
                raise ValueError(f"{domain[:100]!r} is no domain: `watch.example.org`, in small letters")
        addresses = list(self.domains.values())
        if len(addresses) > 1 and (None in addresses or len(set(addresses)) < len(addresses)):
            raise ValueError("several domains need an address each, as each has ports 80 and 443 for itself")
        return self


def content(site: CaddySite, project: str, image: str) -> Mapping[str, Any]:
    """The compose file's content.

    :param image: what stands for the image.
    """
    names = {domain: f"{project}_{domain.replace('.', '_')}" for domain in site.domains}
    services = {
        names[domain]: _service(domain, image, f"{names[domain]}_network" if address else "")
        for domain, address in site.domains.items()
    }
    # The bridge, and not the port, names the address: so Caddy's port stays the same in every service.
    networks = {
        f"{names[domain]}_network": {
            "driver_opts": {"com.docker.network.bridge.host_binding_ipv4": str(address)},
        }
        for domain, address in site.domains.items()
        if address
    }
    return {"version": "3.7", "services": services} | ({"networks": networks} if networks else {})


def _service(domain: str, image: str, network: str) -> Mapping[str, Any]:
    return {
        "image": image,
        "command": f"--domain {domain} --root {ROOT}",
        "restart": "always",
        **({"networks": [network]} if network else {}),
        "ports": [{"target": port, "published": port, "protocol": "tcp"} for port in (80, 443)],
    }
