"""Whether what a flavour file says is of the kinds that a declaration has: a file is a program, and may say anything. Pure."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

#: What every database keeps in the columns for numbers.
_MOST = 2**31 - 1
_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "True or False", type(None): "None"}


def faults(value: object, wanted: Any, place: str) -> Iterator[str]:
    """Everything in a value, and in what it holds, that is not as its type says.

    :param wanted: a type as declarations are annotated with: a dataclass, a union, a list or tuple, a mapping, `Any`.
    """
    origin = get_origin(wanted)
    if wanted is Any:
        return
    if origin in (Union, types.UnionType):
        yield from _one_of(value, get_args(wanted), place)
    elif origin in (tuple, list):
        yield from _several(value, get_args(wanted)[0], place)
    elif is_dataclass(wanted):
        yield from _whole(value, wanted, place)
    elif origin is not None:
        yield from _named(value, get_args(wanted)[1], place)
    else:
        yield from _plain(value, wanted, place)


def _whole(value: object, wanted: Any, place: str) -> Iterator[str]:
    if not isinstance(value, wanted):
        yield f"{place}: it has to be a {wanted.__name__}(…), and is {_shown(value)}"
        return
    for name, hint in _hints(wanted).items():
        yield from faults(getattr(value, name), hint, f"{place}.{name}")


@lru_cache
def _hints(wanted: Any) -> Mapping[str, Any]:
    hints = get_type_hints(wanted)
    return {each.name: hints[each.name] for each in fields(wanted)}


def _one_of(value: object, alternatives: tuple[Any, ...], place: str) -> Iterator[str]:
    found = [list(faults(value, each, place)) for each in alternatives]
    if not all(found):
        return
    head, tail = f"{place}: it has to be ", f", and is {_shown(value)}"
    # One that is of the right kind says what is wrong in it; else all are named that it could be.
    inside = [each for each in found if not (each[0].startswith(head) and each[0].endswith(tail))]
    if inside:
        yield from inside[0]
    else:
        yield head + " or ".join(each[0][len(head) : -len(tail)] for each in found) + tail


def _several(value: object, wanted: Any, place: str) -> Iterator[str]:
    if not isinstance(value, (list, tuple)):
        yield f"{place}: it has to be a list, and is {_shown(value)}"
        return
    for number, each in enumerate(value):
        yield from faults(each, wanted, f"{place}[{number}]")


def _named(value: object, wanted: Any, place: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{place}: it has to be a dictionary, and is {_shown(value)}"
        return
    for name, each in value.items():
        yield from _plain(name, str, f"{place}, a name")
        yield from faults(each, wanted, f"{place}[{_shown(name)}]")


def _plain(value: object, wanted: type, place: str) -> Iterator[str]:
    kinds = (int, float) if wanted is float else wanted
    if not isinstance(value, kinds) or (wanted in (int, float) and isinstance(value, bool)):
        yield f"{place}: it has to be {_WORDS[wanted]}, and is {_shown(value)}"
    elif isinstance(value, str) and ("\0" in value or not _is_text(value)):
        yield f"{place}: {_shown(value)} has characters that are none"
    elif wanted in (int, float) and isinstance(value, (int, float)) and not -_MOST <= value <= _MOST:
        yield f"{place}: {_shown(value)} is too large"


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
