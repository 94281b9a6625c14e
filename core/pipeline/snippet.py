"""A declaration as the text of a flavour file, for people who want to move there what they made in the admin. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from core.pipeline.declaration import Recipe, Repository, Service, Target, Use

#: The longest line that is written where it can be broken.
_WIDTH = 100


def write(value: Repository | Recipe | Target | Service) -> str:
    """Python that makes this value again, with nothing in it that is so by default."""
    return _text(value, 0)


def _text(value: Any, depth: int) -> str:
    match value:
        case Use():
            words = [_quoted(value.kind), *_named(value.options, depth)]
            return _joined("Use", words, depth)
        case Mapping():
            pairs = [f"{_text(name, depth + 1)}: {_text(each, depth + 1)}" for name, each in value.items()]
            return _joined("", pairs, depth, "{}")
        case list() | tuple():
            return _joined("", [_text(each, depth + 1) for each in value], depth, "[]")
        case str():
            return _quoted(value)
        case _ if hasattr(value, "__dataclass_fields__"):
            return _joined(type(value).__name__, _fields(value, depth), depth)
        case _:
            return repr(value)


def _fields(value: Any, depth: int) -> list[str]:
    words = []
    for each in fields(value):
        given = getattr(value, each.name)
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        if default is not MISSING and _alike(given, default):
            continue
        words.append(f"{each.name}={_text(given, depth + 1)}")
    return words


def _alike(given: Any, default: Any) -> bool:
    return bool(tuple(given) == default if isinstance(given, list) else given == default)


def _named(options: Mapping[str, Any], depth: int) -> list[str]:
    words = [f"{name}={_text(each, depth + 1)}" for name, each in options.items() if name.isidentifier()]
    others = {name: each for name, each in options.items() if not name.isidentifier()}
    return [*words, *([f"**{_text(others, depth + 1)}"] if others else [])]


def _joined(name: str, words: list[str], depth: int, brackets: str = "()") -> str:
    line = f"{name}{brackets[0]}{', '.join(words)}{brackets[1]}"
    if len(line) + 4 * depth <= _WIDTH and "\n" not in line:
        return line
    inner = "".join(f"{'    ' * (depth + 1)}{word},\n" for word in words)
    return f"{name}{brackets[0]}\n{inner}{'    ' * depth}{brackets[1]}"


def _quoted(text: str) -> str:
    """With double quotes, as the flavour files of the project have them."""
    plain = repr(text)
    return f'"{plain[1:-1]}"' if plain.startswith("'") and '"' not in plain and "\\'" not in plain else plain
