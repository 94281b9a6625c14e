"""What is declared of a build or a service on this host, checked when the declaration is read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from core.api import Options

#: Where the port is put: in the words of a command, in the values of `env` and in `health`.
PORT = "{port}"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _words(value: tuple[str, ...]) -> tuple[str, ...]:
    if value and (not value[0] or value[0].startswith("-")):
        raise ValueError("its first word is the program to run")
    if any("\0" in word for word in value):
        raise ValueError("no word of it may hold a NUL")
    return value


def _inside(value: str) -> str:
    path = PurePosixPath(value)
    if "\0" in value or path.is_absolute() or ".." in path.parts:
        raise ValueError("it is a directory of the checkout, relative and without `..`")
    return value


def _absolute(value: str) -> str:
    if "\0" in value or (value and (not value.startswith("/") or ".." in PurePosixPath(value).parts)):
        raise ValueError("it is the full path of a directory: `/srv/hello`")
    if value and PurePosixPath(value) == PurePosixPath("/"):
        raise ValueError("it is not the root directory")
    return value


def _variables(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _VARIABLE.fullmatch(name) or "\0" in text:
            raise ValueError(f"{name!r} cannot be an environment variable")
    return value


def _http(value: str) -> str:
    if not value:
        return value
    address = urlsplit(value.replace(PORT, "1"))
    if address.scheme != "http" or not address.hostname or re.search(r"[\x00-\x20\x7f]", value):
        raise ValueError("it is an http address: `http://127.0.0.1:{port}/health`")
    assert address.port is None or address.port  # reading it raises ValueError for one that is no number
    return value


Words = Annotated[tuple[str, ...], AfterValidator(_words)]
Directory = Annotated[str, AfterValidator(_absolute)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]


class BuilderOptions(Options):
    """How a commit is built here: a command in a clean checkout, and the directory that is the result."""

    command: Words = Field(
        min_length=1, description='Program and arguments. No shell reads it, unless it is `["sh", "-c", "…"]`.'
    )
    output: Annotated[str, AfterValidator(_inside)] = Field(
        ".", description="Directory of the checkout that becomes the artifact."
    )
    allow_untrusted: bool = Field(
        False, description="Also build what strangers may have written; always in the sandbox, unless that is `off`."
    )
    sandbox: Literal["auto", "required", "off"] = Field(
        "auto", description="Run in bubblewrap: where it works, always, or never."
    )
    network: bool = Field(False, description="Let a sandboxed build reach the network.")
    tools: tuple[Directory, ...] = Field(
        (), description="Directories outside /usr that a sandboxed build may read; the `bin` of each is on its PATH."
    )
    env: Variables = Field(default_factory=dict, description="Environment variables of the build.")
    memory: int = Field(0, ge=0, description="MiB that each process of the build may have for its data; 0: no limit.")


class DeployerOptions(Options):
    """How a service runs here: an activation command, a supervised process, or neither (files behind a link)."""

    directory: Directory = Field(
        "", description="Where its releases and its `current` link are; if empty, in the deployer's data directory."
    )
    activate: Words = Field(
        (),
        description="Command that is run in a release after the link has moved to it; "
        "what it leaves running has to print elsewhere.",
    )
    command: Words = Field((), description="Process that is kept running in the current release.")
    port: int | None = Field(None, ge=1, le=65535, description="Put for `{port}`; in the environment as PORT.")
    env: Variables = Field(default_factory=dict, description="Environment variables of the command.")
    health: str = Field(
        "", description="http address that answers 2xx or 3xx when all is well: `http://127.0.0.1:{port}/health`."
    )
    health_timeout: float = Field(30, gt=0, le=3600, description="Seconds in which a new release has to be healthy.")
    stop_timeout: float = Field(
        10, ge=0, le=600, description="Seconds between asking the process to end and killing it."
    )
    trial: bool | None = Field(
        None,
        description="Start a release on a free port and check it before anything is switched; "
        "if not set, whenever there are a command, a port and a health check with `{port}`.",
    )
    keep: int = Field(5, ge=1, description="How many releases are kept to go back to.")

    @property
    def has_trial(self) -> bool:
        """Whether a release is tried before the switch."""
        return self._can_be_tried if self.trial is None else self.trial

    @property
    def _can_be_tried(self) -> bool:
        return bool(self.command and self.port and PORT in self.health)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        _http(self.health)
        if self.activate and self.command:
            raise ValueError("`activate` and `command`: one of them, as they are two ways of running a service")
        if self.port is None and any(
            PORT in text for text in (*self.activate, *self.command, *self.env.values(), self.health)
        ):
            raise ValueError(f"`{PORT}` is used, so `port` has to be set")
        if self.trial and not self._can_be_tried:
            raise ValueError(f"`trial` needs `command`, `port` and a `health` with `{PORT}` in it")
        return self
