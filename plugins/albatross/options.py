"""How a unikernel is run on an Albatross host."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from core.api import Options
from plugins.albatross.commands import Block, Configuration, Network
from plugins.albatross.credentials import LABEL

_DEVICE = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
_NETWORK = re.compile(
    rf"(?P<name>{_DEVICE})(?::(?P<bridge>{_DEVICE}))?(?:@(?P<mac>[0-9A-Fa-f]{{2}}(?::[0-9A-Fa-f]{{2}}){{5}}))?"
)
_BLOCK = re.compile(rf"(?P<name>{_DEVICE})(?::(?P<device>{_DEVICE}))?(?:@(?P<sector>[1-9]\d{{0,6}}))?")


class AlbatrossOptions(Options):
    """A unikernel and what it is given, in the words of `albatross-client create`."""

    credentials: str = Field(
        "albatross",
        pattern=r"^[a-z0-9_]{1,80}$",
        description="What the names of the secrets begin with: NAME_certificate, NAME_key and NAME_server_ca.",
    )
    target: Literal["hvt", "spt"] = Field("hvt", description="What runs it: the unikernel has to be one for that.")
    file: str = Field(
        "", description="Where the image holds it: `/unikernel.hvt`. The one `/unikernel.*` of the image if empty."
    )
    name: str = Field("", description="What the host calls it; the service's name if empty.")
    memory: int = Field(32, ge=1, le=1 << 20, description="MB.")
    cpuids: tuple[int, ...] = Field((0,), min_length=1, description="The processors of the host that it may run on.")
    networks: tuple[str, ...] = Field(
        (), description="Network devices: `service`, `service:br0`, `service:br0@00:80:41:db:fc:9a`."
    )
    blocks: tuple[str, ...] = Field(
        (), description="Block devices: `data`, `data:disk1`, `data:disk1@512` (sector size)."
    )
    arguments: tuple[str, ...] = Field((), description="Its own arguments: `--hello=hi`.")
    restart_on_fail: bool = Field(False, description="Start it again when it fails.")
    exit_codes: tuple[int, ...] = Field((), description="Only after these, with `restart_on_fail`.")
    startup: int | None = Field(
        None, ge=0, le=99, description="Its place in the order when the host starts; 50 if left out."
    )
    add_name: bool = Field(True, description="Give it `--name=` and its name.")
    compression: int = Field(
        6, ge=0, le=9, description="How hard the image is compressed on its way; 0 for not at all."
    )
    settle: float = Field(5.0, ge=0, le=600, description="Seconds that it has to run before it counts as deployed.")

    @field_validator("file")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if value and (not re.fullmatch(r"(/[A-Za-z0-9_.+-]+)+", value) or ".." in value.split("/")):
            raise ValueError("it is a path from the root: `/unikernel.hvt`")
        return value

    @field_validator("name")
    @classmethod
    def _label(cls, value: str) -> str:
        if value and not LABEL.fullmatch(value):
            raise ValueError("it has up to 63 letters, digits, `.` and `-`, and does not begin with `-`")
        return value

    @field_validator("cpuids")
    @classmethod
    def _processors(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if any(each < 0 for each in value):
            raise ValueError("processors are counted from 0")
        return value

    @field_validator("networks")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _all_match(_NETWORK, value, "`name`, `name:bridge` or `name:bridge@mac`")

    @field_validator("blocks")
    @classmethod
    def _blocks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _all_match(_BLOCK, value, "`name`, `name:device` or `name:device@sector`")

    def configuration(self) -> Configuration:
        """As the host is told."""
        return Configuration(
            memory=self.memory,
            cpuids=frozenset(self.cpuids),
            networks=tuple(sorted(map(_network, self.networks), key=lambda each: each.name)),
            blocks=tuple(sorted(map(_block, self.blocks), key=lambda each: each.name)),
            arguments=self.arguments or None,
            restarts=frozenset(self.exit_codes) if self.restart_on_fail else None,
            startup=self.startup,
            add_name=self.add_name,
        )


def _all_match(pattern: re.Pattern[str], values: tuple[str, ...], shape: str) -> tuple[str, ...]:
    for value in values:
        if not pattern.fullmatch(value):
            raise ValueError(f"{value!r} is written {shape}")
    names = [re.split("[:@]", value)[0] for value in values]
    if len(set(names)) < len(names):
        raise ValueError("a device is named twice")
    return values


def _network(text: str) -> Network:
    match = _NETWORK.fullmatch(text)
    assert match
    mac = bytes.fromhex((match["mac"] or "").replace(":", ""))
    return Network(name=match["name"], bridge=match["bridge"] or "", mac=mac)


def _block(text: str) -> Block:
    match = _BLOCK.fullmatch(text)
    assert match
    return Block(name=match["name"], device=match["device"] or "", sector=int(match["sector"] or 0))
