"""Telling what is wrong with a declaration, with the place of each fault. Pure: plugins are what they offer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from core.errors import DeclarationError
from core.pipeline import shapes
from core.pipeline.declaration import (
    Flavour,
    FromInput,
    HealthCheck,
    Input,
    Recipe,
    Repository,
    Retention,
    Service,
    Target,
    Use,
)
from core.pipeline.inventory import public_url
from core.states import DriftPolicy, Rollout

_T = TypeVar("_T")

#: Days, or releases, that can be asked for at most.
MOST_KEPT = 100_000

#: `os/architecture`, perhaps with a variant, as in the OCI image specification's platform object.
PLATFORMS = (
    "linux/386", "linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64", "linux/ppc64le", "linux/riscv64",
    "linux/s390x",
)  # fmt: skip
#: What other tools call the architectures.
_ALIASES = {
    "aarch64": "arm64", "armv6": "arm/v6", "armv7": "arm/v7", "i386": "386", "i686": "386", "ppc64": "ppc64le",
    "x86": "amd64", "x86_64": "amd64",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
#: Part of addresses on the web, where a dot would read like a file's.
_FLAVOUR = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
#: Not `..` nor `.`: plugins make paths of it.
_PART = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.][A-Za-z0-9_.-]*"
_REPOSITORY = re.compile(rf"{_PART}(/{_PART})+")
#: What Django lets local users be called (`UnicodeUsernameValidator`).
_LOCAL = re.compile(r"[\w.@+-]{1,150}")
#: A login or an organisation, perhaps with a team. What follows `~` tells those apart who had the same login in turn.
_ELSEWHERE = re.compile(r"[\w.-]{1,100}(/[\w.-]{1,100}|~[\w.-]{1,40})?")
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: A repository name with an optional registry and tag, as in the distribution specification.
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?")
#: The longest texts that rows can keep.
_LONGEST = {"branch": 500, "image": 300, "host": 200, "uri": 500}


class Offer(Protocol):
    """What validation needs to know of a source, builder, deployer, …"""

    @property
    def Options(self) -> type[BaseModel]: ...  # noqa: N802  the name that plugins use


@dataclass(frozen=True, slots=True)
class Offers:
    """What the plugins offer, by kind."""

    sources: Mapping[str, Any]
    builders: Mapping[str, Any]
    deployers: Mapping[str, Any]
    notifiers: Mapping[str, Any]
    gates: Mapping[str, Any]
    steps: Mapping[str, Any]
    inputs: Mapping[str, Any]
    logins: Mapping[str, Any]


def check(flavour: Flavour, offers: Offers, *, place: str) -> None:
    """Check a whole flavour.

    :param place: what the faults begin with: `flavours/demo.py`.
    :raises DeclarationError: carries all faults.
    """
    faults = [f"{place}: {fault}" for fault in faults_of(flavour, offers)]
    if faults:
        raise DeclarationError(faults)


def faults_of(flavour: Flavour, offers: Offers) -> Iterator[str]:
    """Every fault of a flavour, beginning with its place in it."""
    if wrong := list(shapes.faults(flavour, Flavour, "flavour")):
        # What is of another kind cannot be looked into any further.
        yield from wrong
        return
    yield from _named("flavour", flavour.name, _FLAVOUR, "letters, digits, `_` and `-`")
    if flavour.base_url and not flavour.base_url.startswith(("https://", "http://")):
        yield f"base_url {flavour.base_url!r}: it begins with `https://` or `http://`"
    yield from _drift(flavour.drift)
    for role in ("admins", "builders", "viewers"):
        for name in getattr(flavour, role):
            yield from _within(role, person_faults(name, offers))
    yield from _distinct("repository", [each.name for each in flavour.repositories])
    yield from _distinct("input", [each.name for each in flavour.inputs])
    for input in flavour.inputs:
        yield from _within(f"input {input.name!r}", input_faults(input, offers))
    for use in flavour.notifiers:
        yield from _within("notifier", use_faults(use, offers.notifiers))
    yield from _gates(flavour.gates, offers)
    yield from _within("retention", retention_faults(flavour.retention))
    inputs = {input.name for input in flavour.inputs}
    for repository in flavour.repositories:
        yield from _within(repository.name, repository_faults(repository, offers, inputs))
    yield from _services(flavour)


def person_faults(name: str, offers: Offers) -> Iterator[str]:
    """What is wrong with the name of a person, an organisation or a team."""
    kind, elsewhere, own = name.rpartition(":") if isinstance(name, str) else ("", "", "")
    if not (_ELSEWHERE if elsewhere else _LOCAL).fullmatch(own):
        yield f"{name!r}: it is a local user's name, or `github:login`, `github:organisation`, `github:organisation/team`"
    elif elsewhere and kind not in offers.logins:
        yield f"{name!r}: kind {unknown(kind, offers.logins)}"


def retention_faults(retention: Retention) -> Iterator[str]:
    """Every fault of a policy."""
    for name in ("logs", "builds", "refs", "releases"):
        value = getattr(retention, name)
        if value is not None and (not isinstance(value, int) or not 1 <= value <= MOST_KEPT):
            yield f"{name}: a number from 1 to {MOST_KEPT:,}, or None for ever"
    if retention.logs is not None and retention.builds is not None and retention.builds < retention.logs:
        yield "builds: at least as many days as `logs`, as a log goes with its build"


def _within(place: str, faults: Iterable[str]) -> Iterator[str]:
    return (f"{place}: {fault}" for fault in faults)


def repository_faults(repository: Repository, offers: Offers, inputs: Collection[str]) -> Iterator[str]:
    """Every fault of a repository and of what is in it.

    Here and below a fault begins with the word for what is wrong (`poll`, `option`), which forms put it beside.

    :param inputs: the names of the flavour's inputs.
    """
    yield from _named("name", repository.name, _REPOSITORY, "it is `owner/name`")
    yield from _within("source", use_faults(repository.source, offers.sources))
    if repository.poll < 1:
        yield f"poll {repository.poll}: it has to be a second or more"
    yield from _distinct("recipe", [recipe.name for recipe in repository.recipes])
    for recipe in repository.recipes:
        yield from _within(f"recipe {recipe.name!r}", recipe_faults(recipe, offers, inputs))


def recipe_faults(recipe: Recipe, offers: Offers, inputs: Collection[str]) -> Iterator[str]:
    """Every fault of a recipe and of its targets."""
    yield from _named("name", recipe.name, _NAME)
    yield from use_faults(recipe.builder, offers.builders)
    yield from _platforms(recipe, offers)
    if recipe.timeout < 1:
        yield f"timeout {recipe.timeout}: it has to be a second or more"
    yield from _arguments(recipe, inputs)
    yield from _distinct("target", [f"{target.branch} as {target.image}" for target in recipe.targets])
    for target in recipe.targets:
        yield from _within(f"target {target.branch!r}", target_faults(target, offers))


def _arguments(recipe: Recipe, inputs: Collection[str]) -> Iterator[str]:
    for name, value in recipe.args.items():
        yield from _named("argument", name, _ARGUMENT, "letters, digits and `_`")
        if isinstance(value, FromInput):
            if value.name not in inputs:
                yield f"argument {name!r}: input {unknown(value.name, inputs)}"
        elif not isinstance(value, str):
            yield f"argument {name!r}: it is text or `FromInput`, not {value!r}"


def _platforms(recipe: Recipe, offers: Offers) -> Iterator[str]:
    if not recipe.platforms:
        yield "platforms: there has to be at least one"
    yield from _distinct("platform", recipe.platforms)
    for platform in recipe.platforms:
        if platform not in PLATFORMS:
            yield f"platform {_unknown_platform(platform)}"
    if recipe.builder.kind in offers.builders:
        for platform in offers.builders[recipe.builder.kind].unsupported(tuple(recipe.platforms)):
            if platform in PLATFORMS:
                yield f"platform {platform!r}: the builder {recipe.builder.kind!r} cannot build for it here"


def _unknown_platform(platform: str) -> str:
    """Say what was meant by an architecture without its system, or by what other tools call it: `linux-x86_64`."""
    architecture = platform.lower().removeprefix("linux").lstrip("/-")
    meant = f"linux/{_ALIASES.get(architecture, architecture)}"
    return unknown(platform, PLATFORMS, meant=meant if meant in PLATFORMS else "")


def target_faults(target: Target, offers: Offers) -> Iterator[str]:
    """Every fault of a target and of its services."""
    if not target.branch or target.branch.startswith(("-", "refs/")):
        yield f"branch {target.branch!r}: it is the name of a branch, without `refs/heads/`"
    if not _IMAGE.fullmatch(target.image):
        yield f"image {target.image!r}: it is a name with an optional tag, in small letters: `owner/name:live`"
    yield from _lengths(branch=target.branch, image=target.image)
    yield from _rollout(target)
    for service in target.services:
        yield from _within(f"service {service.name!r}", service_faults(service, offers))


def _rollout(target: Target) -> Iterator[str]:
    words = [str(rollout) for rollout in Rollout]
    if target.rollout not in words:
        yield f"rollout {unknown(target.rollout, words)}"
    if target.soak < 0:
        yield f"soak {target.soak}: it is a number of seconds, 0 for none"
    elif target.soak and target.rollout == Rollout.TOGETHER:
        yield f"soak {target.soak}: nothing waits for it while all move together; choose rollout 'in-order' or 'canary'"


def service_faults(service: Service, offers: Offers) -> Iterator[str]:
    """Every fault of a service."""
    yield from _named("name", service.name, _NAME)
    yield from use_faults(service.deployer, offers.deployers)
    if service.host.startswith("-") or any(character.isspace() for character in service.host):
        yield f"host {service.host!r}: it is a host's name"
    for use in service.notifiers:
        yield from _within("notifier", use_faults(use, offers.notifiers))
    yield from _gates(service.gates, offers)
    for place, steps in (("before", service.before), ("after", service.after)):
        for use in steps:
            yield from _within(place, use_faults(use, offers.steps))
    yield from _lengths(host=service.host, uri=service.uri)
    if service.soak is not None and service.soak < 0:
        yield f"soak {service.soak}: it is a number of seconds, 0 for none"
    if service.drift:
        yield from _drift(service.drift)
    if service.check is not None:
        yield from _within("check", check_faults(service.check, service.uri))


def _drift(word: str) -> Iterator[str]:
    words = [str(policy) for policy in DriftPolicy]
    if word not in words:
        yield f"drift {unknown(word, words)}"


def check_faults(check: HealthCheck, uri: str) -> Iterator[str]:
    """Every fault of a check from outside.

    :param uri: the service's own, which is asked where the check names none.
    """
    address = check.uri or public_url(uri)
    if not address:
        yield "uri: neither the check nor the service has one, so there is nothing to ask"
    elif not _is_address(address):
        yield f"uri {address!r}: it is `http://…`, `https://…` or `tcp://host:port`"
    elif address.startswith("tcp://") and (check.path or check.text or check.redirects):
        yield "uri: of a tcp:// address only the connection is tried; path, text and redirects are for http"
    if check.path and not check.path.startswith("/"):
        yield f"path {check.path!r}: it begins with `/`"
    if not 100 <= check.status <= 599:
        yield f"status {check.status}: it is a status of HTTP, such as 200"
    for name in ("timeout", "interval", "grace"):
        if not 1 <= getattr(check, name) <= 3600:
            yield f"{name} {getattr(check, name)}: it is a number of seconds from 1 to 3600"
    if not 0 <= check.redirects <= 10:
        yield f"redirects {check.redirects}: it is a number from 0 to 10"


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if any(character.isspace() or not character.isprintable() for character in address) or not parts.hostname:
        return False
    return parts.scheme in ("http", "https") or (parts.scheme == "tcp" and port is not None)


def _gates(uses: Iterable[Use], offers: Offers) -> Iterator[str]:
    for use in uses:
        if use.kind in offers.gates and offers.gates[use.kind].always:
            yield f"gate: kind {use.kind!r}: it stands before every service already, and is not declared"
        else:
            yield from _within("gate", use_faults(use, offers.gates))


def _lengths(**texts: str) -> Iterator[str]:
    for what, text in texts.items():
        if len(text) > _LONGEST[what]:
            yield f"{what} {text[:20]!r}…: at most {_LONGEST[what]} characters, not {len(text)}"


def _services(flavour: Flavour) -> Iterator[str]:
    everywhere = [
        (service.name, service.host or "this host", service.deployer.kind)
        for repository in flavour.repositories
        for recipe in repository.recipes
        for target in recipe.targets
        for service in target.services
    ]
    for name, host, deployer in _repeated(everywhere):
        yield f"service {name!r} is declared twice on {host} for deployer {deployer!r}"


def input_faults(input: Input, offers: Offers) -> Iterator[str]:
    """Every fault of an input."""
    yield from _named("name", input.name, _NAME)
    yield from use_faults(input.reader, offers.inputs)
    if input.validity < 1:
        yield f"validity {input.validity}: it has to be a second or more"


def use_faults(use: Use, offered: Mapping[str, Offer]) -> Iterator[str]:
    """What is wrong with the choice of a plugin and its options."""
    if use.kind not in offered:
        yield f"kind {unknown(use.kind, offered)}"
        return
    yield from option_faults(offered[use.kind].Options, use.options)


def option_faults(model: type[BaseModel], options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a plugin's options, one sentence each."""
    try:
        model.model_validate(options)
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(str(part) for part in fault["loc"])
            if not where:
                yield f"options: {option_fault(fault)}"
            elif fault["type"] == "extra_forbidden":
                yield f"option {unknown(where, model.model_fields)}"
            elif fault["type"] == "missing":
                yield f"option {where!r} is missing"
            else:
                yield f"option {where!r}: {option_fault(fault)}"


def option_fault(fault: Mapping[str, Any]) -> str:
    """What pydantic says of one option, without words of its own."""
    return str(fault["msg"]).removeprefix("Value error, ")


def unknown(word: str, known: Iterable[str], *, meant: str = "") -> str:
    """Say that a word is unknown, and which was probably meant: `'linux-x86': unknown; did you mean 'linux/amd64'?`.

    :param meant: where more than the spelling tells it.
    """
    words = list(known)
    close = [meant] if meant else get_close_matches(word, words, n=1, cutoff=0.5)
    if close:
        return f"{word!r}: unknown; did you mean {close[0]!r}?"
    return f"{word!r}: unknown; there are: {', '.join(sorted(words)) or 'none'}"


def _named(
    what: str, name: str, pattern: re.Pattern[str], hint: str = "letters, digits, `_`, `.` and `-`"
) -> Iterator[str]:
    if not pattern.fullmatch(name) or len(name) > 100:
        yield f"{what} {name!r}: {hint}, at most 100 characters"


def _distinct(what: str, names: Sequence[str]) -> Iterator[str]:
    for name in _repeated(names):
        yield f"{what} {name!r} is declared twice"


def _repeated(these: Iterable[_T]) -> list[_T]:
    return [each for each, count in Counter(these).items() if count > 1]
