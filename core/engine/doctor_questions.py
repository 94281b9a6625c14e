"""What the doctor asks plugins: each about all that was declared of its kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial

from django.db import DatabaseError

from core import configuration, hiding
from core.errors import DeployerError
from core.models import Flavour, Recipe, Repository, Service, Target
from core.plugins import plugins
from core.services.places import options_of, repository_place, service_place
from core.states import Purpose
from core.values import Finding, RepositoryPlace


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, and what it is about: `database`, `source git`."""

    about: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class Question:
    """Something to ask a plugin."""

    about: str
    name: str
    ask: Callable[[], AsyncIterator[Finding]]
    host: str = ""


def questions(wrong: list[Told]) -> list[Question]:
    """What to ask which plugin.

    :param wrong: is given what cannot be asked at all.
    """
    asked: list[Question] = []
    for gather in (_of_sources, _of_builders, _of_images, _of_deployers, _of_notifiers):
        try:
            asked += gather(wrong)
        except DatabaseError as error:
            wrong.append(Told("database", Finding(level="error", text=said(error))))
    return asked


def _of_sources(wrong: list[Told]) -> Iterator[Question]:
    places: defaultdict[str, list[RepositoryPlace]] = defaultdict(list)
    for row in Repository.objects.filter(retired_at=None):
        try:
            places[row.source].append(repository_place(row))
        except DeployerError as error:
            wrong.append(_wrong(f"source {row.source}", row.name, error))
    address = configuration.current().base_url.rstrip("/")
    for kind, of_kind in sorted(places.items()):
        source, data = plugins.source(kind), configuration.current().plugin_dir(kind)
        # One repository each, so that one that does not answer uses up nobody else's time.
        for place in of_kind:
            yield Question(
                f"source {kind}",
                place.name,
                partial(source.check, [place], f"{address}/webhooks/{source.kind}", data),
            )


def _of_builders(wrong: list[Told]) -> Iterator[Question]:
    places: defaultdict[str, set[str]] = defaultdict(set)
    for row in Recipe.objects.filter(retired_at=None, repository__retired_at=None).select_related("repository"):
        try:
            builder = plugins.builder(row.builder)
            options = options_of(builder.Options, row.options)
            places[row.builder] |= {builder.place(each, options, Purpose.RELEASE) for each in row.platforms}
        except DeployerError as error:
            wrong.append(_wrong(f"builder {row.builder}", str(row), error))
    for kind, used in sorted(places.items()):
        builder, data = plugins.builder(kind), configuration.current().plugin_dir(kind)
        for place in sorted(used):
            yield Question(
                f"builder {kind}",
                place or "this host",
                partial(builder.check, place, data),
                place,
            )


def _of_deployers(wrong: list[Told]) -> Iterator[Question]:
    for row in Service.objects.filter(retired_at=None).order_by("deployer", "host", "name"):
        about = f"deployer {row.deployer}" + (f" on {row.host}" if row.host else "")
        try:
            deployer, place = plugins.deployer(row.deployer), service_place(row)
        except DeployerError as error:
            wrong.append(_wrong(about, row.name, error))
            continue
        data = configuration.current().plugin_dir(row.deployer)
        yield Question(
            about,
            row.name,
            partial(deployer.check, place, data),
            f"{row.deployer} {row.host}",
        )


def _of_images(wrong: list[Told]) -> Iterator[Question]:
    rows = Target.objects.filter(retired_at=None, recipe__retired_at=None, recipe__repository__retired_at=None)
    for kind, image in sorted(set(rows.order_by().values_list("recipe__builder", "image"))):
        # One that is not offered is told among the builders.
        if builder := plugins.builders.get(kind):
            data = configuration.current().plugin_dir(kind)
            yield Question(
                f"images of {kind}",
                image,
                partial(builder.check_image, image, data),
                image.partition("/")[0],
            )


def _of_notifiers(wrong: list[Told]) -> Iterator[Question]:
    declared = [(row.name, row.notifiers) for row in Flavour.objects.filter(retired_at=None, harmless=False)]
    declared += [(row.name, row.notifiers) for row in Service.objects.filter(retired_at=None)]
    seen: list[tuple[str, object]] = []
    for name, recipients in declared:
        for kind, given in recipients:
            if (kind, given) in seen:
                continue
            seen.append((kind, given))
            try:
                notifier = plugins.notifier(kind)
                options = options_of(notifier.Options, given)
            except DeployerError as error:
                wrong.append(_wrong(f"notifier {kind}", name, error))
                continue
            yield Question(
                f"notifier {kind}",
                name,
                partial(notifier.check, options),
                kind,
            )


def _wrong(about: str, name: str, error: Exception) -> Told:
    remedy = "Mend its declaration, or install the plugin that offers it (`manage.py plugins`)."
    return Told(about, Finding(level="error", text=f"{name}: {said(error)}", remedy=remedy))


def said(error: Exception) -> str:
    """What an error says, or what it is."""
    return hiding.hidden(str(error)).strip() or type(error).__name__
