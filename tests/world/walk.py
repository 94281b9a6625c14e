"""Every page that there is, found where the addresses are: a new page is walked to without anybody listing it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

#: What has no page of its own, by the beginning of its address: other walks go there.
_ELSEWHERE = ("/api/", "/admin/", "/static/", "/webhooks/", "/healthz", "/readyz", "/metrics", "/login/<", "/logout/")
#: Screens of the admin that stand for the others: one of each kind that there is.
_SCREENS = (
    "",
    "password_change/",
    "auth/user/",
    "core/logrule/",
    "core/logrule/add/",
    "core/job/",
    "core/activity/",
    "core/service/add-a-service/",
)
_DECLARED = ("flavour", "repository", "recipe", "target", "service")


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the name of its address and the address of one of it."""

    name: str
    path: str


def pages(keys: Mapping[str, Any]) -> list[Page]:
    """Every address that may be a page, with the keys of rows by the word that stands before them in an address.

    Addresses that are only posted to are among them: they answer 405.
    """
    found = []
    for name, route in _routes(get_resolver().url_patterns, "/"):
        if not route.startswith(_ELSEWHERE):
            found.append(Page(name, _filled(route, keys)))
    return found


def screens() -> list[Page]:
    """The main screens of the admin: a list, the empty form and the form of a row of each that is declared, and others."""
    found = [Page(f"admin {each}", f"/admin/{each}") for each in _SCREENS]
    for name in _DECLARED:
        found.append(Page(f"admin add {name}", f"/admin/core/{name}/add/"))
        found.append(Page(f"admin change {name}", f"/admin/core/{name}/1/change/"))
    return found


def _routes(patterns: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for each in patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _routes(each.url_patterns, route)
        elif isinstance(each, URLPattern):
            yield each.name or route, route


def _filled(route: str, keys: Mapping[str, Any]) -> str:
    """A route with a key in the place of each parameter: that of the word before it."""

    def key(found: re.Match[str]) -> str:
        words = re.findall(r"([\w-]+)/$", route[: found.start()])
        return str(keys.get(words[-1] if words else "", 1))

    return re.sub(r"<[^>]+>", key, route)
