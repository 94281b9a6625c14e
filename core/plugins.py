"""Discovery of plugins, and the typed way to reach what they offer: the only module that knows pluggy's manager.

A distribution offers a plugin by an entry point in the group `deployer.plugins` that names a `PluginConfig`. What cannot
be loaded is kept in `broken`, and the rest goes on.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from django.apps import AppConfig, apps

from core import additions, hookspecs, incidents
from core.additions import Page, PluginSettings
from core.entry_points import offered
from core.errors import ConfigurationError, PluginError, Waiting
from core.hook_calls import HookCaller, HungError
from core.incidents import IncidentKind
from core.interfaces import Builder, Deployer, Gate, InputReader, Login, Notifier, Plugged, Source, Step
from core.values import LogRule, News, ServicePlace

logger = logging.getLogger(__name__)

_GROUP = "deployer.plugins"
#: Seconds after which work whose plugin was disabled looks again.
_LOOK_AGAIN = 10
#: The version of what plugins see (`core.api`): the first number is raised when plugins that were written for it could not
#: work any more, the second when something was added.
API_VERSION = "1.0"

_ROLES: Mapping[str, type[Any]] = {
    "sources": Source,
    "builders": Builder,
    "deployers": Deployer,
    "notifiers": Notifier,
    "gates": Gate,
    "steps": Step,
    "inputs": InputReader,
    "logins": Login,
    "log_rules": LogRule,
}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin as people see it. `offers` maps a role's plural to kinds; `error` is empty when it works.

    :param disabled: by the environment, for good.
    :param switched_off: by a person, or the deployer itself: why, in one sentence.
    """

    name: str
    distribution: str
    version: str
    offers: Mapping[str, Sequence[str]]
    error: str = ""
    disabled: bool = False
    switched_off: str = ""


class PluginConfig(AppConfig):
    """A Django app whose `hooks` module joins in when Django is ready."""

    #: The version of the plugin API that it was written for: `core.api.API_VERSION` of then.
    api_version: str = API_VERSION

    def import_models(self) -> None:
        """Import the models; a plugin whose models cannot be imported is broken, and the rest goes on."""
        try:
            super().import_models()
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the rest goes on
            # As Django's own does, with what there is.
            self.models = apps.all_models[self.label]
            plugins.fails(self.label, "its models cannot be imported", error)

    def ready(self) -> None:
        if self.label not in plugins.broken:
            plugins.load(self)


class Plugins:
    """What all plugins offer together, by role and kind."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._roles: dict[str, dict[str, tuple[str, Any]]] = {role: {} for role in _ROLES}
        self._additions: dict[str, dict[str, Sequence[Any]]] = {}
        self._modules: dict[str, str] = {}
        self.broken: dict[str, str] = {}
        self.disabled: frozenset[str] = frozenset()
        #: Why plugins that are loaded are not used, by their names (`core.services.plugin_switches`).
        self.switched_off: Mapping[str, str] = {}
        self._callers: defaultdict[str, HookCaller] = defaultdict(HookCaller)

    def installed_apps(self, disabled: frozenset[str] = frozenset()) -> list[str]:
        """Name the AppConfig of every plugin, for INSTALLED_APPS; one that cannot be imported is broken."""
        self.disabled = disabled
        apps = []
        for entry in offered(_GROUP):
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
            _check_version(config.api_version)
            self.register(import_module(f"{config.name}.hooks"), name=config.label)
            self._modules[config.label] = config.name
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
            self._additions[name] = {kind: self._added(name, kind) for kind in additions.KINDS}
        except Exception as error:
            self.unregister(name)
            raise PluginError(str(error)) from error

    def unregister(self, name: str) -> None:
        """Forget a plugin and what it offers."""
        self._manager.unregister(name=name)
        self._additions.pop(name, None)
        self._modules.pop(name, None)
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

    def _added(self, name: str, kind: str) -> Sequence[Any]:
        expected, is_one = additions.KINDS[kind]
        offers = tuple(self._ask(name, f"deployer_register_{kind}"))
        for offer in offers:
            if not is_one(offer):
                raise PluginError(f"deployer_register_{kind} offered {offer!r}, which is no {expected}")
        return offers

    def _break(self, name: str, error: Exception) -> None:
        """Go on without a plugin, or without a part of it."""
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

    def gate(self, kind: str) -> Gate:
        gate: Gate = self._find("gates", kind)
        return gate

    def step(self, kind: str) -> Step:
        step: Step = self._find("steps", kind)
        return step

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
    def gates_always(self) -> Sequence[Gate]:
        """The gates that stand before every service, without being declared."""
        return [gate for _, (_, gate) in sorted(self._roles["gates"].items()) if gate.always]

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

    def check_on(self, role: str, kind: str) -> None:
        """Have work wait whose plugin was disabled.

        :raises Waiting: says by whom and why, and how it goes on.
        """
        owner, _ = self._roles[role].get(kind, ("", None))
        if reason := self.switched_off.get(owner):
            raise Waiting(reason, retry_in=_LOOK_AGAIN)

    def _find(self, role: str, kind: str) -> Any:
        try:
            return self._roles[role][kind][1]
        except KeyError:
            known = ", ".join(sorted(self._roles[role])) or "none"
            raise ConfigurationError(f"no plugin offers {kind!r} among the {role}; there are: {known}") from None

    def infos(self) -> list[PluginInfo]:
        """Every plugin that was found or registered, broken and disabled ones too, by name."""
        entries = {entry.name: entry for entry in offered(_GROUP)}
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
            switched_off=self.switched_off.get(name, ""),
        )

    # What they add

    @property
    def modules(self) -> Mapping[str, str]:
        """The Python package of each plugin that works, by its name."""
        return dict(sorted(self._modules.items()))

    def pages(self) -> list[tuple[str, Page]]:
        """The entries of the navigation, each with its plugin's name."""
        used = sorted(self._additions.keys() - self.switched_off.keys())
        return [(name, page) for name in used for page in self._additions[name]["pages"]]

    def settings(self) -> list[tuple[str, type[PluginSettings]]]:
        """The settings, each with its plugin's name."""
        return [(name, each) for name in sorted(self._additions) for each in self._additions[name]["settings"]]

    def routers(self) -> list[tuple[str, Any]]:
        """The routers of the HTTP API, each with its plugin's name. Asked once, when the API is put together."""
        return [(name, each) for name in self._names() for each in self._isolated(name, "deployer_register_routers")]

    def fails(self, name: str, what: str, error: Exception) -> None:
        """Go on without something that a plugin adds, and tell so where plugins are listed."""
        self._break(name, PluginError(f"{what}: {type(error).__name__}: {error}"))

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
            return self._callers[name].call(lambda: list(self._ask(name, hook, **arguments)))
        except HungError as error:
            logger.error("plugin %s hangs in %s: %s", name, hook, error)
            incidents.note(name, IncidentKind.HUNG, hook, str(error))
        except Exception as error:
            logger.exception("plugin %s failed in %s", name, hook)
            incidents.note(name, IncidentKind.RAISED, hook, f"{type(error).__name__}: {error}")
        return ()

    def _ask(self, name: str, hook: str, **arguments: object) -> Iterator[Any]:
        """Call one plugin's hook: pluggy stops at the first exception, and one plugin's failure is its own."""
        others = [plugin for other, plugin in self._manager.list_name_plugin() if other != name]
        for answer in self._manager.subset_hook_caller(hook, others)(**arguments):
            yield from answer or ()

    def _names(self) -> list[str]:
        return sorted(name for name, _ in self._manager.list_name_plugin() if name not in self.switched_off)


def _check_version(written_for: str) -> None:
    """
    :raises PluginError: a plugin that was written for this version of the API cannot work with ours.
    """
    ours, theirs = _numbers(API_VERSION), _numbers(str(written_for))
    if theirs is None:
        raise PluginError(f"its api_version is {written_for!r}: it has to be like {API_VERSION!r}")
    assert ours is not None
    if theirs[0] < ours[0]:
        raise PluginError(f"it is written for plugin API {written_for}, and this is {API_VERSION}: upgrade the plugin")
    if theirs > ours:
        raise PluginError(
            f"it is written for plugin API {written_for}, and this is {API_VERSION}: upgrade the deployer"
        )


def _numbers(version: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", version)
    return (int(found[1]), int(found[2])) if found else None


plugins = Plugins()
