"""What a flavour looks after, for people who want to find a service: values, and the same as Markdown. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: What Docker's own names of images leave out.
_HUB = "https://hub.docker.com/r/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEntry:
    """A service. `url` is empty where nobody finds it by an address."""

    name: str
    host: str
    deployer: str
    uri: str
    url: str
    page: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetEntry:
    """A branch, and the image that it is published as; links are empty where there are none."""

    branch: str
    branch_url: str
    image: str
    image_url: str
    services: tuple[ServiceEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeEntry:
    """What is built: a Dockerfile, or the recipe's name where its builder knows no Dockerfile."""

    what: str
    builder: str
    platforms: tuple[str, ...]
    targets: tuple[TargetEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryEntry:
    """A repository with its recipes."""

    name: str
    url: str
    recipes: tuple[RecipeEntry, ...]
    page: str = ""

    @property
    def has_services(self) -> bool:
        """Whether anything runs from it."""
        return any(target.services for recipe in self.recipes for target in recipe.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlavourEntry:
    """A flavour with its repositories."""

    name: str
    title: str
    url: str
    repositories: tuple[RepositoryEntry, ...]

    @property
    def with_services(self) -> tuple[RepositoryEntry, ...]:
        """Its repositories from which something runs."""
        return tuple(each for each in self.repositories if each.has_services)

    @property
    def built_only(self) -> tuple[RepositoryEntry, ...]:
        """Its repositories that are built, and maybe published, but run nowhere that the deployer knows."""
        return tuple(each for each in self.repositories if not each.has_services)


def image_url(image: str) -> str:
    """The page of an image of Docker's own registry; empty for others, which have no rule for it."""
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    if not slash or "." in first or ":" in first or first == "localhost":
        return ""
    return f"{_HUB}{first}/{rest.partition(':')[0]}"


def public_url(uri: str) -> str:
    """The address behind what people are told to open: `ocaml.org` as well as `https://ocaml.org/`."""
    if not uri or re.match(r"https?://", uri):
        return uri
    return "" if "://" in uri else f"https://{uri}"


def page_url(url: str) -> str:
    """An address that a browser may be sent to; empty for any other: sources and people wrote it."""
    return url if re.match(r"https?://", url) else ""


def markdown(flavours: Sequence[FlavourEntry]) -> str:
    """A page that lists all services, under the flavours and repositories that they come from."""
    lines = [
        "# Services",
        "",
        "What is kept deployed, as the flavours declare it. Written by `manage.py describe_services`.",
    ]
    for flavour in flavours:
        lines += ["", f"## {_link(flavour.title or flavour.name, flavour.url)}"]
        for repository in flavour.with_services:
            lines += ["", f"### {_link(repository.name, repository.url)}", "", *_recipes(repository)]
        if flavour.built_only:
            names = ", ".join(_link(each.name, each.url) for each in flavour.built_only)
            lines += ["", f"Built, and run nowhere that this deployer looks after: {names}."]
        if not flavour.repositories:
            lines += ["", "No repository is declared."]
    return "\n".join(lines) + "\n"


def _recipes(repository: RepositoryEntry) -> Iterator[str]:
    for recipe in repository.recipes:
        yield f"- {_code(recipe.what)} for {', '.join(map(_code, recipe.platforms))}"
        for target in recipe.targets:
            branch, image = _link(target.branch, target.branch_url), _link(target.image, target.image_url)
            yield f"    - branch {branch} as {image}"
            for service in target.services:
                host = f" on {_code(service.host)}" if service.host else ""
                at = f": {_link(service.uri, service.url)}" if service.uri else ""
                yield f"        - service {_code(service.name)}{host}{at}"


def _link(text: str, url: str) -> str:
    return f"[{_plain(text)}]({_address(url)})" if url else _plain(text)


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", text)


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _address(url: str) -> str:
    """An address that cannot end the link that it is in."""
    return re.sub(r"[\s()<>\\]", lambda found: f"%{ord(found[0]):02X}", url)
