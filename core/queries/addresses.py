"""Where the pages about things are, for pages and for the API: by the kind and the key of a thing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from core.models import Deployment, Job, Recipe, Release, Repository, Rollback, Service, Target

#: Kinds whose pages have the kind's name.
_OWN = ("service", "repository", "build", "release", "deployment", "job", "commit", "ref")
#: What is shown on the page of something else: the model, the kind of the page, and the way to its key.
_ELSEWHERE: Mapping[str, tuple[type[Model], str, str]] = {
    "rollback": (Rollback, "service", "service"),
    "recipe": (Recipe, "repository", "repository"),
    "target": (Target, "repository", "recipe__repository"),
}
#: What people do may outlive what they did it to.
_MODELS: Mapping[str, type[Model]] = {
    "service": Service,
    "repository": Repository,
    "release": Release,
    "deployment": Deployment,
    "job": Job,
}


def page(kind: str, key: int | str, **query: str) -> str:
    """The address of the page about something; empty where there is none."""
    if kind == "person":
        return f"{reverse('activity')}?{urlencode({'by': key})}"
    if kind in ("flavour", "logrule"):
        return reverse("settings")
    if kind == "runner":
        return reverse("processes")
    if kind == "pluginswitch":
        return reverse("plugins")
    if kind not in _OWN:
        return ""
    try:
        address = reverse(kind, args=[key])
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode(query)}" if query else address


def of_subjects(subjects: Iterable[str]) -> dict[str, str]:
    """The pages about what was acted on, by how activities name it (`job 12`). One query for each kind at most."""
    keys: dict[str, set[int]] = defaultdict(set)
    for subject in subjects:
        kind, _, key = subject.partition(" ")
        if key.isascii() and key.isdigit() and len(key) < 16:
            keys[kind].add(int(key))
    found: dict[str, str] = {}
    for kind, numbers in keys.items():
        for number, address in _pages(kind, numbers):
            if address:
                found[f"{kind} {number}"] = address
    return found


def _pages(kind: str, keys: set[int]) -> Iterable[tuple[int, str]]:
    if kind in _ELSEWHERE:
        model, other, way = _ELSEWHERE[kind]
        rows = model._default_manager.filter(pk__in=keys).values_list("pk", way)
        return [(key, page(other, owner)) for key, owner in rows]
    if kind in _MODELS:
        there = _MODELS[kind]._default_manager.filter(pk__in=keys).values_list("pk", flat=True)
        return [(key, page(kind, key)) for key in there]
    return [(key, page(kind, key)) for key in keys]
