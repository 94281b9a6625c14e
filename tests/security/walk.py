"""Every address that there is, of whatever row is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern, get_resolver

from core.rest.api import api
from core.web import urls
from tests.world import walk


def pages(keys: Mapping[str, Any]) -> list[str]:
    """The addresses of pages, with these keys in them."""
    keys = {**keys, "flavours": keys["name"]}
    return [each.path for each in walk.pages(keys)]


def routes() -> list[URLPattern]:
    """The addresses that `core.web.urls` has itself: what is below them is plugins' own."""
    return [each for each in urls.urlpatterns if isinstance(each, URLPattern)]


def named_pages(keys: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and addresses of everything that `core.web.urls` has, with these keys in them."""
    found = []
    for each in routes():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{each.pattern}")
        path = (
            path.replace("{beginning}", "0" * 40).replace("{kind}", "git").replace("{release}", str(keys["releases"]))
        )
        found.append((str(each.name), filled(path, keys)))
    return found


def operations(keys: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Method and address of every operation of the API, with these keys in them."""
    get_resolver()
    return [
        (method, filled(path, keys))
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    ]


def filled(path: str, keys: Mapping[str, Any]) -> str:
    """A path of the description with keys in the place of its parameters."""

    if path.startswith(("/jobs/", "/api/jobs/")) and path.endswith("exception"):
        # Gates stand before deployments alone.
        keys = {**keys, "jobs": keys["held"]}

    def key(found: re.Match[str]) -> str:
        words = re.findall(r"/([\w-]+)/$", path[: found.start()])
        word = words[-1] if words else ""
        return str(keys["name"] if found[1] == "name" and word not in keys else keys.get(word, 1))

    return re.sub(r"\{(\w+)\}", key, path)
