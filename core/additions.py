"""What a plugin may add to the deployer besides its roles: entries of the navigation, and settings."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.configuration import SECRETS
from core.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An entry of the navigation that leads to a page of the plugin's.

    :param title: what people read.
    :param name: the name of its address in the plugin's module `urls`.
    """

    title: str
    name: str


class PluginSettings(BaseSettings):
    """Base of a plugin's settings. Each field is a variable of the environment; its description is in the reference.

    `class HelloSettings(PluginSettings, env_prefix="DEPLOYER_HELLO_")` reads a field `url` from `DEPLOYER_HELLO_URL`, or
    from a file of that name in `/run/secrets`.
    """

    model_config = SettingsConfigDict(secrets_dir=SECRETS if SECRETS.is_dir() else None, frozen=True, extra="ignore")

    @classmethod
    def read(cls) -> Self:
        """Read the environment; quick where it has not changed.

        :raises ConfigurationError: names each variable that is wrong, with what it is unless that is a `SecretStr`.
        """
        return cls._read(tuple(os.environ.get(cls.variable(field)) for field in cls.model_fields))

    @classmethod
    @lru_cache(maxsize=100)
    def _read(cls, environment: tuple[str | None, ...]) -> Self:
        """
        :param environment: what it is read from; files are read when a process first asks.
        """
        try:
            return cls()
        except ValidationError as error:
            faults = (cls._fault(str(fault["loc"][0]), fault["msg"], fault["input"]) for fault in error.errors())
            raise ConfigurationError("\n".join(faults)) from None

    @classmethod
    def _fault(cls, name: str, said: str, value: object) -> str:
        field = name.lower().removeprefix(cls.model_config.get("env_prefix", "").lower())
        info = cls.model_fields.get(field)
        hidden = info is None or info.is_required() or info.annotation is SecretStr
        told = f"{cls.variable(field)}: {said.removeprefix('Value error, ')}"
        return told if hidden else f"{told} (it is {str(value)[:100]!r})"

    @classmethod
    def variable(cls, field: str) -> str:
        """The variable that a field is read from."""
        return f"{cls.model_config.get('env_prefix', '')}{field.upper()}"


def _is_settings(offer: Any) -> bool:
    return inspect.isclass(offer) and issubclass(offer, PluginSettings) and bool(offer.model_config.get("env_prefix"))


#: What can be added, by the plural that its hook is called by: what it has to be, in words and as a test.
KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "pages": ("Page", lambda offer: isinstance(offer, Page)),
    "settings": ("subclass of PluginSettings with an env_prefix", _is_settings),
}
