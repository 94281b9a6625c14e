"""Writing the package of a new plugin: the skeleton of its kind, with the plugin's own name. Pure but for reading it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from core.errors import ConfigurationError

_SKELETONS = Path(__file__).parent / "skeletons"
_COMMON = "common"
#: What is in every skeleton, and in the one of the kind too: first the general, then the particular.
_JOINED = "README.md"
_NAME = re.compile(r"[a-z][a-z0-9_]{1,29}")


def kinds() -> list[str]:
    """The kinds of plugins that there are skeletons of."""
    return sorted(
        path.name for path in _SKELETONS.iterdir() if path.is_dir() and path.name not in (_COMMON, "__pycache__")
    )


def check_name(name: str, taken: Collection[str]) -> None:
    """Refuse what cannot be the name of a new plugin.

    :param taken: names of plugins and kinds that there are already.
    :raises ConfigurationError: says why, and how names are.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"{name!r} is no plugin's name: 2 to 30 small letters, digits and `_`, beginning with a letter, and no word "
            "of Python's own"
        )
    if name in taken:
        raise ConfigurationError(f"there is {name!r} among the plugins or what they offer already: choose another name")


def package(name: str, kind: str) -> Mapping[str, str]:
    """The files of a new plugin, by their paths.

    :param kind: one of `kinds`.
    """
    general, particular = _files(_SKELETONS / _COMMON), _files(_SKELETONS / kind)
    joined = {_JOINED: general[_JOINED] + particular[_JOINED]}
    return {_named(path, name): _named(text, name) for path, text in {**general, **particular, **joined}.items()}


def _files(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): path.read_text()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _named(text: str, name: str) -> str:
    """The same with the plugin's name: `skeleton` in the three ways in which it is written."""
    camel = "".join(word.capitalize() for word in name.split("_"))
    words = (("deployer-skeleton", f"deployer-{name.replace('_', '-')}"), ("skeleton", name), ("Skeleton", camel))
    for old, new in words:
        text = text.replace(old, new)
    return text
