"""DER (ITU-T X.690), as much of it as Albatross speaks: a writer, and a reader that trusts nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

BOOLEAN, INTEGER, OCTETS, NULL, UTF8, TIME, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x05, 0x0C, 0x18, 0x30, 0x31
_EXPLICIT = 0xA0
#: Tags above this take more bytes; Albatross has none.
_HIGHEST = 30
_TIME = re.compile(r"(\d{14})(?:\.(\d{1,12}))?Z")


class MalformedError(ValueError):
    """Bytes are not what they should be; the text says what is wrong, and fits after `it`."""


# Writing


def element(tag: int, body: bytes) -> bytes:
    """A tag, the length of a body, and the body."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def context(number: int, body: bytes = b"\x05\x00") -> bytes:
    """An explicit context tag; around NULL if nothing else is said."""
    return element(_EXPLICIT | number, body)


def integer(value: int) -> bytes:
    return element(INTEGER, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool) -> bytes:
    return element(BOOLEAN, b"\xff" if value else b"\0")


def octets(value: bytes) -> bytes:
    return element(OCTETS, value)


def text(value: str) -> bytes:
    return element(UTF8, value.encode())


def time(value: datetime) -> bytes:
    """A moment, to the second below."""
    return element(TIME, value.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def sequence(*parts: bytes) -> bytes:
    return element(SEQUENCE, b"".join(parts))


def set_of(parts: Iterable[bytes]) -> bytes:
    """A SET OF, in the order of its encodings as DER has it (X.690, 11.6)."""
    return element(SET, b"".join(sorted(parts)))


# Reading


@dataclass(frozen=True, slots=True)
class Element:
    """What was read: a tag and a body."""

    tag: int
    body: bytes

    def items(self) -> list[Element]:
        """The elements that the body consists of."""
        found, at = [], 0
        while at < len(self.body):
            each, at = _read(self.body, at)
            found.append(each)
        return found

    def of(self, tag: int) -> Element:
        """Itself, if it has this tag.

        :raises MalformedError: it has another.
        """
        if self.tag != tag:
            raise MalformedError(f"has a tag {self.tag:#04x} where {tag:#04x} should be")
        return self

    @property
    def number(self) -> int | None:
        """The number of its context tag; None if it has none."""
        number = self.tag - _EXPLICIT
        return number if 0 <= number <= _HIGHEST else None

    def inner(self) -> Element:
        """The one element that an explicit tag is around."""
        return whole(self.body)

    def integer(self) -> int:
        body = self.of(INTEGER).body
        if not body:
            raise MalformedError("has a number without digits")
        return int.from_bytes(body, "big", signed=True)

    def boolean(self) -> bool:
        return self.of(BOOLEAN).body not in (b"", b"\0")

    def octets(self) -> bytes:
        return self.of(OCTETS).body

    def text(self) -> str:
        """Its text. A unikernel may write what is none to its console: such bytes are replaced."""
        return self.of(UTF8).body.decode(errors="replace")

    def time(self) -> datetime:
        match = _TIME.fullmatch(self.of(TIME).body.decode(errors="replace"))
        try:
            if not match:
                raise ValueError
            moment = datetime.strptime(match[1], "%Y%m%d%H%M%S")
        except ValueError:
            raise MalformedError("has a time that is none") from None
        return moment.replace(tzinfo=UTC, microsecond=int((match[2] or "0").ljust(6, "0")[:6]))


class Fields:
    """The fields of a SEQUENCE, taken one after the other. What comes after the last that is asked for is left alone."""

    def __init__(self, sequence: Element) -> None:
        self._items = sequence.of(SEQUENCE).items()

    def take(self) -> Element:
        """The next.

        :raises MalformedError: there is none.
        """
        if not self._items:
            raise MalformedError("ends before all is said")
        return self._items.pop(0)

    def optional(self, tag: int) -> Element | None:
        """The next, if it has this tag."""
        return self._items.pop(0) if self._items and self._items[0].tag == tag else None

    def tagged(self, number: int) -> Element | None:
        """What is inside the next, if that has this context tag."""
        found = self.optional(_EXPLICIT | number)
        return found.inner() if found else None


def whole(data: bytes) -> Element:
    """Read one element that is all there is.

    :raises MalformedError: it is none, or something comes after it.
    """
    found, end = _read(data, 0)
    if end != len(data):
        raise MalformedError("goes on after its end")
    return found


def _read(data: bytes, at: int) -> tuple[Element, int]:
    if at + 2 > len(data):
        raise MalformedError("ends in the middle")
    tag, size, start = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
        if not 1 <= count <= 4:
            raise MalformedError("has a length that makes no sense")
    if start + size > len(data):
        raise MalformedError("ends in the middle")
    return Element(tag, data[start : start + size]), start + size
