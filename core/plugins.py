"""Discovery of plugins, and the typed way to reach what they offer: the only module that knows pluggy's manager.

A distribution offers a plugin by an entry point in the group `deployer.plugins` that names a `PluginConfig`, and
flavours by the group `deployer.flavours`. What cannot be loaded is kept in `broken`, and the rest goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from django.apps import AppConfig

from core import hookspecs
from core.errors import ConfigurationError, PluginError
from core.interfaces import Builder, Deployer, Gate, InputReader, Login, Notifier, Plugged, Source
from core.pipeline.declaration import Flavour
from core.values import LogRule, News, ServicePlace

logger = logging.getLogger(__name__)

#: Raised when an older plugin could not work with this core any more.
API_VERSION = 1

_ROLES: Mapping[str, type[Any]] = {
    "sources": Source,
    "builders": Builder,
    "deployers": Deployer,
    "notifiers": Notifier,
    "gates": Gate,
    "inputs": InputReader,
    "logins": Login,
    "log_rules": LogRule,
}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin as people see it. `offers` maps a role's plural to kinds; `error` is empty when it works."""

    name: str
    distribution: str
    version: str
    offers: Mapping[str, Sequence[str]]
    error: str = ""
    disabled: bool = False


class PluginConfig(AppConfig):
    """A Django app whose `hooks` module joins in when Django is ready."""

    #: The version of the plugin API that it was written for.
    api_version = API_VERSION

    def ready(self) -> None:
        plugins.load(self)


class Plugins:
    """What all plugins offer together, by role and kind."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._roles: dict[str, dict[str, tuple[str, Any]]] = {role: {} for role in _ROLES}
        self.broken: dict[str, str] = {}
        self.disabled: frozenset[str] = frozenset()

    def installed_apps(self, disabled: frozenset[str] = frozenset()) -> list[str]:
        """Name the AppConfig of every plugin, for INSTALLED_APPS; one that cannot be imported is broken."""
        self.disabled = disabled
        apps = []
        for entry in _entries("deployer.plugins"):
            if entry.name in disabled:
                continue
            try:
                entry.load()
            except Exception as error:  # noqa: BLE001  whatever is wrong with it, the rest goes on
                self._break(entry.name, error)
            else:
                apps.append(entry.value.replace(":", "."))
        return apps

    def load(self, config: PluginConfig) -> None:
        """Register a plugin's hooks and what they offer: all of it, or nothing."""
        try:
            if config.api_version != API_VERSION:
                raise PluginError(f"it is written for plugin API {config.api_version}; this is {API_VERSION}")
            self.register(import_module(f"{config.name}.hooks"), name=config.label)
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the rest goes on
            self._break(config.label, error)

    def register(self, hooks: object, *, name: str) -> None:
        """Register an object whose attributes are hook implementations.

        :raises PluginError: when a hook is misspelt, an offer is not what its hook promises, or a kind is taken.
        """
        self._manager.register(hooks, name=name)
        try:
            self._manager.check_pending()
            for role, interface in _ROLES.items():
                for offer in self._ask(name, f"deployer_register_{role}"):
                    self._add(role, interface, offer, name)
        except Exception as error:
            self.unregister(name)
            raise PluginError(str(error)) from error

    def unregister(self, name: str) -> None:
        """Forget a plugin and what it offers."""
        self._manager.unregister(name=name)
        for offers in self._roles.values():
            for kind in [kind for kind, (owner, _) in offers.items() if owner == name]:
                del offers[kind]

    def _add(self, role: str, interface: type[Any], offer: Any, name: str) -> None:
        if not isinstance(offer, interface):
            raise PluginError(f"deployer_register_{role} offered {offer!r}, which is no {interface.__name__}")
        kind = offer.name if isinstance(offer, LogRule) else offer.kind
        owner, _ = self._roles[role].setdefault(kind, (name, offer))
        if owner != name:
            raise PluginError(f"{owner} offers the kind {kind!r} among the {role} already")

    def _break(self, name: str, error: Exception) -> None:
        logger.error("plugin %s is broken: %s", name, error)
        self.broken[name] = f"{type(error).__name__}: {error}"

    # What they offer

    def source(self, kind: str) -> Source:
        source: Source = self._find("sources", kind)
        return source

    def builder(self, kind: str) -> Builder:
        builder: Builder = self._find("builders", kind)
        return builder

    def deployer(self, kind: str) -> Deployer:
        deployer: Deployer = self._find("deployers", kind)
        return deployer

    def notifier(self, kind: str) -> Notifier:
        notifier: Notifier = self._find("notifiers", kind)
        return notifier

    def input_reader(self, kind: str) -> InputReader:
        reader: InputReader = self._find("inputs", kind)
        return reader

    def login(self, kind: str) -> Login:
        login: Login = self._find("logins", kind)
        return login

    @property
    def logins(self) -> Sequence[Login]:
        return [login for _, (_, login) in sorted(self._roles["logins"].items())]

    @property
    def builders(self) -> Mapping[str, Builder]:
        return {kind: builder for kind, (_, builder) in sorted(self._roles["builders"].items())}

    @property
    def gates(self) -> Sequence[Gate]:
        return [gate for _, (_, gate) in sorted(self._roles["gates"].items())]

    @property
    def log_rules(self) -> Sequence[tuple[str, LogRule]]:
        """Every log rule, with the name of the plugin that brings it."""
        return [offered for _, offered in sorted(self._roles["log_rules"].items())]

    def kinds(self, role: str) -> Mapping[str, Plugged]:
        """Everything offered in a role (`sources`, `builders`, …), by kind."""
        return {kind: offer for kind, (_, offer) in sorted(self._roles[role].items())}

    def owner(self, role: str, kind: str) -> str:
        """The name of the plugin that offers a kind."""
        return self._roles[role][kind][0]

    def _find(self, role: str, kind: str) -> Any:
        try:
            return self._roles[role][kind][1]
        except KeyError:
            known = ", ".join(sorted(self._roles[role])) or "none"
            raise ConfigurationError(f"no plugin offers {kind!r} among the {role}; there are: {known}") from None

    def infos(self) -> list[PluginInfo]:
        """Every plugin that was found or registered, broken and disabled ones too, by name."""
        entries = {entry.name: entry for entry in _entries("deployer.plugins")}
        registered = {name for name, _ in self._manager.list_name_plugin()}
        return [self._info(name, entries.get(name)) for name in sorted({*entries, *registered, *self.broken})]

    def _info(self, name: str, entry: EntryPoint | None) -> PluginInfo:
        distribution = entry.dist if entry else None
        offers = {
            role: tuple(sorted(kind for kind, (owner, _) in offered.items() if owner == name))
            for role, offered in self._roles.items()
        }
        return PluginInfo(
            name=name,
            distribution=distribution.name if distribution else "",
            version=distribution.version if distribution else "",
            offers={role: kinds for role, kinds in offers.items() if kinds},
            error=self.broken.get(name, ""),
            disabled=name in self.disabled,
        )

    # What they hear and say

    def job_moved(self, news: News) -> None:
        for name in self._names():
            self._isolated(name, "deployer_job_moved", news=news)

    def describe_service(self, service: ServicePlace) -> list[tuple[str, str]]:
        return [
            fact
            for name in self._names()
            for fact in self._isolated(name, "deployer_describe_service", service=service)
        ]

    def _isolated(self, name: str, hook: str, **arguments: object) -> Sequence[Any]:
        try:
            return list(self._ask(name, hook, **arguments))
        except Exception:
            logger.exception("plugin %s failed in %s", name, hook)
            return ()

    def _ask(self, name: str, hook: str, **arguments: object) -> Iterator[Any]:
        """Call one plugin's hook: pluggy stops at the first exception, and one plugin's failure is its own."""
        others = [plugin for other, plugin in self._manager.list_name_plugin() if other != name]
        for answer in self._manager.subset_hook_caller(hook, others)(**arguments):
            yield from answer or ()

    def _names(self) -> list[str]:
        return sorted(name for name, _ in self._manager.list_name_plugin())

    # Flavours

    def flavour_names(self) -> list[str]:
        return [entry.name for entry in _entries("deployer.flavours")]

    def flavour(self, name: str) -> Flavour:
        """Load a flavour's declaration.

        :raises ConfigurationError: it does not exist (the others are listed) or cannot be loaded.
        """
        entries = {entry.name: entry for entry in _entries("deployer.flavours")}
        if name not in entries:
            raise ConfigurationError(f"there is no flavour {name!r}; there are: {', '.join(entries) or 'none'}")
        try:
            flavour = entries[name].load()
        except Exception as error:
            raise ConfigurationError(f"flavour {name!r} ({entries[name].value}) cannot be loaded: {error}") from error
        if not isinstance(flavour, Flavour):
            raise ConfigurationError(f"flavour {name!r}: {entries[name].value} is no Flavour but {flavour!r}")
        return flavour

    def flavour_origin(self, name: str) -> str:
        """The place of a flavour's declaration as people name it: `flavours/demo.py`."""
        for entry in _entries("deployer.flavours"):
            if entry.name == name:
                return entry.value.partition(":")[0].replace(".", "/") + ".py"
        return name


def _entries(group: str) -> list[EntryPoint]:
    return sorted(entry_points(group=group), key=lambda entry: entry.name)


plugins = Plugins()
