"""What Albatross is asked, as DER (protocol version 5, upstream's `src/vmm_asn.ml`). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from plugins.albatross import der

#: Of the protocol (`AV5`): endpoints take no other.
VERSION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network device.

    :param name: what the unikernel calls it.
    :param bridge: the host's; the name itself if empty.
    :param mac: six bytes; the host makes one up if empty.
    """

    name: str
    bridge: str = ""
    mac: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block device.

    :param name: what the unikernel calls it.
    :param device: the host's; the name itself if empty.
    :param sector: bytes; 0 leaves it to the host.
    """

    name: str
    device: str = ""
    sector: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """How a unikernel is run.

    :param memory: MB.
    :param cpuids: the processors it may be put on.
    :param arguments: None where nothing is said.
    :param restarts: exit codes after which it is started again, all that make sense if empty; None for never.
    :param startup: its place in the order when the host starts, from 0 to 99; None for the middle.
    :param add_name: whether it is given `--name=` and its name.
    """

    memory: int
    cpuids: frozenset[int]
    networks: tuple[Network, ...] = ()
    blocks: tuple[Block, ...] = ()
    arguments: tuple[str, ...] | None = None
    restarts: frozenset[int] | None = None
    startup: int | None = None
    add_name: bool = True


def replace(configuration: Configuration, *, compressed: bool) -> bytes:
    """Run a unikernel, in the place of one of that name if there is one. Its image is sent after the handshake.

    :param compressed: whether the image is a zlib stream (RFC 1950).
    """
    solo5, no_image = der.context(0), der.octets(b"")
    behaviour, rest = _behaviour(configuration), _rest(configuration)
    return _unikernel(21, der.sequence(solo5, der.boolean(compressed), no_image, *behaviour, *rest))


def restart(configuration: Configuration) -> bytes:
    """Run the unikernel that is there once more, in this way."""
    failing, *others = _in_order_of_restart(configuration)
    return _unikernel(14, der.context(3, der.sequence(failing, *others, *_rest(configuration))))


def destroy() -> bytes:
    """End it."""
    return _unikernel(3)


def get(level: int) -> bytes:
    """Answer its image.

    :param level: of compression, from 0 to 9.
    """
    return _unikernel(11, der.integer(level))


def info() -> bytes:
    """Tell what runs."""
    return _unikernel(19)


def console(since: datetime | None, *, count: int = 20) -> bytes:
    """Answer what it writes, from a moment on; without one, from some lines before."""
    begin = der.context(1, der.integer(count)) if since is None else der.context(0, der.time(since))
    return der.context(0, der.context(2, begin))


def statistics() -> bytes:
    """Answer what it uses, every few seconds."""
    return der.context(1, der.context(2))


def extension(command: bytes) -> bytes:
    """The content of the certificate's extension that carries a command."""
    return der.sequence(der.integer(VERSION), command)


def _unikernel(number: int, body: bytes = b"\x05\x00") -> bytes:
    return der.context(3, der.context(number, body))


def _behaviour(configuration: Configuration) -> Iterator[bytes]:
    """As it stands in a configuration: startup, add-name, fail."""
    if configuration.startup is not None:
        yield der.integer(configuration.startup)
    yield der.boolean(configuration.add_name)
    yield _fail(configuration)


def _in_order_of_restart(configuration: Configuration) -> Iterator[bytes]:
    """As it stands in a restart's arguments: fail, startup, add-name."""
    *others, failing = _behaviour(configuration)
    yield failing
    yield from others


def _fail(configuration: Configuration) -> bytes:
    if configuration.restarts is None:
        return der.context(0)
    return der.context(1, der.set_of(map(der.integer, configuration.restarts)))


def _rest(configuration: Configuration) -> Iterator[bytes]:
    yield der.set_of(map(der.integer, configuration.cpuids))
    yield der.integer(configuration.memory)
    if configuration.blocks:
        yield der.context(0, der.set_of(map(_block, configuration.blocks)))
    if configuration.networks:
        yield der.context(1, der.set_of(map(_network, configuration.networks)))
    if configuration.arguments is not None:
        yield der.context(2, der.sequence(*map(der.text, configuration.arguments)))
    # How many processors a virtual machine has; upstream writes it for unikernels too.
    yield der.context(3, der.integer(1))


def _block(block: Block) -> bytes:
    device = [der.text(block.device)] if block.device else []
    sector = [der.integer(block.sector)] if block.sector else []
    return der.sequence(der.text(block.name), *device, *sector)


def _network(network: Network) -> bytes:
    bridge = [der.text(network.bridge)] if network.bridge else []
    mac = [der.octets(network.mac)] if network.mac else []
    return der.sequence(der.text(network.name), *bridge, *mac)
