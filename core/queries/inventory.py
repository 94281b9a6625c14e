"""What flavours look after, as they declare it and as it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch
from pydantic import ValidationError

from core.errors import ConfigurationError
from core.models import Flavour, Recipe, Repository, Service, Target
from core.pipeline import declaration
from core.pipeline.inventory import (
    FlavourEntry,
    RecipeEntry,
    RepositoryEntry,
    ServiceEntry,
    TargetEntry,
    image_url,
    page_url,
    public_url,
)
from core.plugins import plugins
from core.values import RepositoryPlace

_IN_USE = {"retired_at": None}


def declared(flavour: declaration.Flavour) -> FlavourEntry:
    """A flavour as its file declares it; the database is not asked."""
    repositories = tuple(_declared_repository(each) for each in flavour.repositories)
    return FlavourEntry(name=flavour.name, title=flavour.title, url=flavour.base_url, repositories=repositories)


def kept() -> list[FlavourEntry]:
    """All flavours with what is in use of them, whether a file or a person declared it."""
    services = Prefetch("services", Service.objects.filter(**_IN_USE).order_by(*Service.IN_ORDER))
    targets = Prefetch("targets", Target.objects.filter(**_IN_USE).prefetch_related(services))
    recipes = Prefetch("recipes", Recipe.objects.filter(**_IN_USE).prefetch_related(targets))
    repositories = Prefetch("repositories", Repository.objects.filter(**_IN_USE).prefetch_related(recipes))
    return [_kept_flavour(row) for row in Flavour.objects.order_by("name").prefetch_related(repositories)]


def _declared_repository(repository: declaration.Repository) -> RepositoryEntry:
    links = _Links(repository.name, repository.source.kind, repository.source.options)
    return RepositoryEntry(
        name=repository.name,
        url=links.repository,
        recipes=tuple(
            RecipeEntry(
                what=_what(recipe.name, recipe.builder.kind, recipe.builder.options),
                builder=recipe.builder.kind,
                platforms=tuple(recipe.platforms),
                targets=tuple(_declared_target(target, links) for target in recipe.targets),
            )
            for recipe in repository.recipes
        ),
    )


def _declared_target(target: declaration.Target, links: _Links) -> TargetEntry:
    return TargetEntry(
        branch=target.branch,
        branch_url=links.ref(target.branch),
        image=target.image,
        image_url=image_url(target.image),
        services=tuple(
            ServiceEntry(
                name=service.name,
                host=service.host,
                deployer=service.deployer.kind,
                uri=service.uri,
                url=public_url(service.uri),
            )
            for service in target.services
        ),
    )


def _kept_flavour(row: Flavour) -> FlavourEntry:
    return FlavourEntry(
        name=row.name,
        title=row.title,
        url=row.address,
        repositories=tuple(_kept_repository(each) for each in row.repositories.all()),
    )


def _kept_repository(row: Repository) -> RepositoryEntry:
    links = _Links(row.name, row.source, row.options)
    return RepositoryEntry(
        name=row.name,
        url=links.repository,
        page=f"/repositories/{row.pk}/",
        recipes=tuple(
            RecipeEntry(
                what=_what(recipe.name, recipe.builder, recipe.options),
                builder=recipe.builder,
                platforms=tuple(recipe.platforms),
                targets=tuple(_kept_target(target, links) for target in recipe.targets.all()),
            )
            for recipe in row.recipes.all()
        ),
    )


def _kept_target(row: Target, links: _Links) -> TargetEntry:
    return TargetEntry(
        branch=row.branch,
        branch_url=links.ref(row.branch),
        image=row.image,
        image_url=image_url(row.image),
        services=tuple(
            ServiceEntry(
                name=service.name,
                host=service.host,
                deployer=service.deployer,
                uri=service.uri,
                url=public_url(service.uri),
                page=f"/services/{service.pk}/",
            )
            for service in row.services.all()
        ),
    )


class _Links:
    """Where a repository is found at its source; nothing where that cannot be told."""

    def __init__(self, name: str, kind: str, options: Mapping[str, Any]) -> None:
        self._known = None
        try:
            source = plugins.source(kind)
            self._known = source, RepositoryPlace(name=name, options=source.Options.model_validate(options))
        except (ConfigurationError, ValidationError):
            self.repository = ""
        else:
            url = source.clone_url(self._known[1])
            self.repository = url.removesuffix(".git") if url.startswith(("http://", "https://")) else ""

    def ref(self, branch: str) -> str:
        """A page about a branch."""
        if self._known is None:
            return ""
        source, place = self._known
        return page_url(source.ref_url(place, f"refs/heads/{branch}"))


def _what(recipe: str, kind: str, options: Mapping[str, Any]) -> str:
    """The Dockerfile, if its builder builds one."""
    try:
        given = plugins.builder(kind).Options.model_validate(options)
    except (ConfigurationError, ValidationError):
        return recipe
    return str(getattr(given, "dockerfile", "") or recipe)
