"""Every page and every operation of the API that reads, found in the urlconf, with keys of rows that there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

#: Beginnings of addresses that are no pages: files, machines' own, what starts a login elsewhere.
_LEFT_OUT = ("/static/", "/media/", "/webhooks/", "/logout/", "/admin/logout/", "/admin/jsi18n/", "/admin/r/")
_PARAMETER = re.compile(r"<(?:(\w+):)?(\w+)>")
#: What lists can be asked beyond their first part. An address that leads nowhere is left out.
FURTHER = (
    "/jobs/?state=failed", "/jobs/?state=queued", "/jobs/?kind=deployment", "/jobs/?kind=input",
    "/jobs/?state=cancelled&kind=input", "/activity/?page=150", "/deliveries/?page=150", "/jobs/?before=2500",
    "/repositories/{repository}/?q=topic", "/?show=broken", "/?flavour=flavour-1",
    "/api/jobs?state=failed&limit=500", "/api/jobs?state=cancelled", "/api/jobs?kind=input",
    "/api/jobs?repository=acme/project-01", "/api/jobs?flavour=flavour-1", "/api/jobs?flavour=nothing",
    "/api/search?q=change", "/api/search?q=nothing-like-this", "/api/search?q=0abc", "/search/?q=change",
    "/search/?q=nothing-like-this",
)  # fmt: skip


def addresses(ends: Iterable[str] = ("pk", "-pk")) -> list[str]:
    """Addresses of all that there is to read: for what has a key, of the oldest row and of the newest."""
    found = [address for end in ends for address in _below(get_resolver().url_patterns, "/", end)]
    further = [each.replace("{repository}", _key("repositories", "pk", "-pk")) for each in FURTHER]
    return list(dict.fromkeys([*sorted(set(found)), *further]))


def _below(patterns: Iterable[Any], prefix: str, end: str) -> Iterator[str]:
    for each in patterns:
        address = _filled(prefix, str(each.pattern), end)
        if address is None or address.startswith(_LEFT_OUT):
            continue
        if isinstance(each, URLResolver):
            yield from _below(each.url_patterns, address, end)
        elif isinstance(each, URLPattern):
            yield address


def _filled(prefix: str, route: str, end: str) -> str | None:
    """An address with a row's key in the place of each parameter; None where no row has one."""
    if route.startswith("^"):
        return None
    address = prefix
    for literal, converter, name in re.findall(r"([^<]*)(?:<(?:(\w+):)?(\w+)>)?", route):
        address += literal
        if name:
            key = _key(address.rstrip("/").rpartition("/")[2], name, end, converter)
            if not key:
                return None
            address += key
    return address


def _key(noun: str, name: str, end: str, converter: str = "") -> str:
    """The key of a row of this noun, which is a model's name or its plural."""
    model = _models().get(noun.replace("-", " "))
    if model is None:
        return ""
    fields = {field.name for field in model._meta.get_fields()}
    field = "pk" if name in ("id", "pk", "object_id") or name not in fields else name
    if field == "pk" and converter not in ("int", "path", ""):
        field = "name" if "name" in fields else "pk"
    row = model._default_manager.order_by(end).values_list(field, flat=True).first()
    return "" if row is None else str(row)


def _models() -> dict[str, type[Model]]:
    models = [*apps.get_app_config("core").get_models(), *apps.get_app_config("auth").get_models()]
    return {
        str(name): model for model in models for name in (model._meta.verbose_name_plural, model._meta.model_name or "")
    }
