"""The reference of the plugin API: every public name with its signature, from the code. A change of it shows in review."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from core import api

_HEAD = """# The plugin API

All that a plugin or a flavour may import, from `core.api`. Whatever is not here may change without notice. This is version
`{version}`, which a plugin names as `api_version` in its `PluginConfig`. Its first number is raised when plugins that were
written for it could not work any more, its second when something was added; a plugin that needs another version is not
loaded, and the page of the plugins says why.
"""
_ROLES = ("Source", "Builder", "Deployer", "Notifier", "Gate", "Step", "InputReader", "Login")


def page(docstring: Any) -> Iterator[str]:
    """The page, line by line.

    :param docstring: makes Markdown of an object's docstring.
    """
    yield _HEAD.format(version=api.API_VERSION)
    for title, names in _sections():
        yield f"## {title}\n"
        for name in names:
            yield from _thing(name, getattr(api, name), docstring)


def _sections() -> Iterator[tuple[str, list[str]]]:
    left = dict.fromkeys(name for name in api.__all__ if name not in ("API_VERSION", "hookimpl"))
    errors = [name for name in left if inspect.isclass(thing := getattr(api, name)) and issubclass(thing, Exception)]
    words = [name for name in left if getattr(api, name).__class__.__module__ == "builtins" and name.isupper()]
    functions = [name for name in left if inspect.isfunction(getattr(api, name))]
    declared = [name for name in left if getattr(getattr(api, name), "__module__", "") == "core.pipeline.declaration"]
    enums = [name for name in left if inspect.isclass(each := getattr(api, name)) and issubclass(each, enum.Enum)]
    parts = (
        ("Roles", [name for name in _ROLES if name in left]),
        ("Functions", functions),
        ("States", enums),
        ("Declarations", declared),
        ("Errors", errors),
        ("Constants", words),
    )
    told = {name for _, names in parts for name in names}
    yield parts[0]
    yield "Values", [name for name in left if name not in told]
    yield from parts[1:]


def _thing(name: str, thing: Any, docstring: Any) -> Iterator[str]:
    yield f"### {name}\n"
    if inspect.isfunction(thing):
        yield f"```python\n{_prefix(thing)}{name}{signature(thing)}\n```\n"
        yield from docstring(thing)
    elif not inspect.isclass(thing):
        yield f"`{thing!r}`\n"
    elif issubclass(thing, enum.Enum):
        yield from docstring(thing) if thing.__doc__ else ()
        yield ", ".join(f"`{each.name}`" for each in thing) + "\n"
    else:
        yield from docstring(thing)
        yield from _class(thing, docstring)


def _class(kind: type[Any], docstring: Any) -> Iterator[str]:
    bases = [
        base.__name__ for base in kind.__bases__ if base.__module__.startswith("core") and hasattr(api, base.__name__)
    ]
    fields = list(_fields(kind))
    head = f"class {kind.__name__}{f'({chr(44).join(bases)})' if bases else ''}:"
    yield "```python\n" + "\n".join([head, *(f"    {field}" for field in fields or ["..."])]) + "\n```\n"
    for name, method in _methods(kind):
        abstract = " *(has to be there)*" if getattr(method, "__isabstractmethod__", False) else ""
        yield f"#### {kind.__name__}.{name}{abstract}\n"
        yield f"```python\n{_prefix(method)}{name}{signature(method)}\n```\n"
        yield from docstring(method)


def _fields(kind: type[Any]) -> Iterator[str]:
    """What instances have: a value's fields, or what a role declares of itself."""
    if dataclasses.is_dataclass(kind):
        for field in dataclasses.fields(kind):
            default = "" if field.default is dataclasses.MISSING else f" = {_without_address(repr(field.default))}"
            default = " = …" if field.default_factory is not dataclasses.MISSING else default
            yield f"{field.name}: {field.type}{default}"
        return
    if issubclass(kind, BaseModel):
        return
    for name, annotation in inspect.get_annotations(kind).items():
        if not name.startswith("_"):
            yield f"{name}: {annotation}" + (f" = {vars(kind)[name]!r}" if name in vars(kind) else "")


def _methods(kind: type[Any]) -> Iterable[tuple[str, Any]]:
    for name, member in vars(kind).items():
        method = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        method = method.fget if isinstance(method, property) else method
        if not name.startswith("_") and inspect.isfunction(method):
            yield name, method


def _prefix(function: Any) -> str:
    asynchronous = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return "async def " if asynchronous else "def "


def signature(function: Any) -> str:
    """A function's parameters and result as they are written."""
    return _without_address(str(inspect.signature(function)).replace("'", ""))


def _without_address(text: str) -> str:
    """What Python prints of a function has an address in it, another one each time."""
    return re.sub(r"<.*? at 0x[0-9a-f]+>", "…", text)
