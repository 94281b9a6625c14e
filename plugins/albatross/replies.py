"""What Albatross answers (protocol version 5, upstream's `src/vmm_asn.ml`). Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from plugins.albatross import der
from plugins.albatross.commands import VERSION, Block, Configuration, Network
from plugins.albatross.der import Element, Fields, MalformedError

#: Bytes of the largest image that is taken.
LARGEST = 512 << 20
_SUCCESS, _FAILURE, _DATA = 1, 2, 3
_TEXT, _IMAGE, _INFOS = 1, 6, 13
_STATISTICS, _CONSOLE = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """A unikernel that runs.

    :param sha256: of its image, in hexadecimal.
    :param configuration: how it was started; whether it was given its name is not told.
    """

    sha256: str
    configuration: Configuration
    started: datetime | None


@dataclass(frozen=True, slots=True)
class Success:
    """Done, or about to be told."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Not done, and why."""

    text: str


@dataclass(frozen=True, slots=True)
class Infos:
    """What runs, by name: `path:name`."""

    unikernels: Mapping[str, Info]


@dataclass(frozen=True, slots=True)
class Image:
    """An image, uncompressed."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a console."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """What it has used: seconds of processor time, and bytes of memory at most."""

    processor: float
    memory: int


Reply = Success | Failure | Infos | Image | Line | Statistics


def parse(message: bytes) -> Reply:
    """Understand a message.

    :raises MalformedError: it is none, of another version, or of a kind that we never ask for.
    """
    fields = Fields(der.whole(message))
    version = Fields(fields.take()).take().integer()
    if version != VERSION:
        raise MalformedError(f"is of version {version} of the protocol, and this is version {VERSION}")
    payload = fields.take()
    match payload.number:
        case number if number == _SUCCESS:
            return _success(payload.inner())
        case number if number == _FAILURE:
            return Failure(payload.inner().text())
        case number if number == _DATA:
            return _data(payload.inner())
        case _:
            raise MalformedError("is no answer")


def _success(chosen: Element) -> Reply:
    match chosen.number:
        case number if number == _TEXT:
            return Success(chosen.inner().text())
        case number if number == _IMAGE:
            return _image(Fields(chosen.inner()))
        case number if number == _INFOS:
            return Infos(dict(map(_named_info, chosen.inner().of(der.SEQUENCE).items())))
        case None:
            raise MalformedError("is no answer")
        case _:
            return Success()


def _data(chosen: Element) -> Reply:
    fields = Fields(chosen.inner())
    match chosen.number:
        case number if number == _CONSOLE:
            return Line(fields.take().time(), fields.take().text())
        case number if number == _STATISTICS:
            return _statistics(Fields(fields.take()))
        case _:
            raise MalformedError("is no answer to what was asked")


def _image(fields: Fields) -> Image:
    compressed, content = fields.take().boolean(), fields.take().octets()
    if not compressed:
        return Image(content)
    stream = zlib.decompressobj()
    try:
        image = stream.decompress(content, LARGEST)
    except zlib.error:
        raise MalformedError("has an image whose compression is broken") from None
    if not stream.eof:
        raise MalformedError("has an image that is cut off, or larger than any unikernel")
    return Image(image)


def _named_info(entry: Element) -> tuple[str, Info]:
    fields = Fields(entry)
    return fields.take().text(), _info(Fields(fields.take()))


def _info(fields: Fields) -> Info:
    fields.take()  # whether Solo5 runs it or bhyve
    startup = fields.optional(der.INTEGER)
    failing, cpuids, memory = fields.take(), fields.take(), fields.take().integer()
    sha256 = fields.take().octets().hex()
    blocks, networks = fields.tagged(0), fields.tagged(1)
    arguments, started = fields.tagged(2), fields.tagged(3)
    configuration = Configuration(
        memory=memory,
        cpuids=frozenset(each.integer() for each in cpuids.of(der.SET).items()),
        blocks=tuple(sorted(map(_block, _items(blocks)), key=lambda each: each.name)),
        networks=tuple(sorted(map(_network, _items(networks)), key=lambda each: each.name)),
        arguments=None if arguments is None else tuple(each.text() for each in arguments.items()),
        restarts=frozenset(each.integer() for each in failing.inner().items()) if failing.number == 1 else None,
        startup=None if startup is None else startup.integer(),
    )
    return Info(sha256=sha256, configuration=configuration, started=started.time() if started else None)


def _items(element: Element | None) -> list[Element]:
    return element.of(der.SET).items() if element else []


def _block(entry: Element) -> Block:
    fields = Fields(entry)
    return Block(name=fields.take().text(), device=fields.take().text(), sector=fields.take().integer())


def _network(entry: Element) -> Network:
    fields = Fields(entry)
    return Network(name=fields.take().text(), bridge=fields.take().text(), mac=fields.take().octets())


def _statistics(usage: Fields) -> Statistics:
    """What `getrusage` told: user time, system time, and the largest resident set in kB."""
    user, system = _seconds(Fields(usage.take())), _seconds(Fields(usage.take()))
    return Statistics(user + system, _int64(usage.take()) << 10)


def _seconds(moment: Fields) -> float:
    return _int64(moment.take()) + moment.take().integer() / 1e6


def _int64(element: Element) -> int:
    """Numbers that may be large are eight bytes."""
    return int.from_bytes(element.octets(), "big", signed=True)
