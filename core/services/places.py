"""Repositories and services, as the plugins that look after them need to know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from core.errors import Stalled
from core.models import Repository, Service
from core.pipeline.validate import option_faults
from core.plugins import plugins
from core.values import Options, RepositoryPlace, ServicePlace


def repository_place(repository: Repository) -> RepositoryPlace:
    """A repository, as its source needs to know it.

    :raises ConfigurationError: no plugin offers its source.
    :raises Stalled: its options are not what the source understands.
    """
    model = plugins.source(repository.source).Options
    return RepositoryPlace(name=repository.name, options=options_of(model, repository.options))


def service_place(service: Service) -> ServicePlace:
    """A service, as its deployer needs to know it.

    :raises ConfigurationError: no plugin offers its deployer.
    :raises Stalled: its options are not what the deployer understands.
    """
    model = plugins.deployer(service.deployer).Options
    options = options_of(model, service.options)
    return ServicePlace(name=service.name, host=service.host, uri=service.uri, options=options)


def options_of(model: type[Options], kept: Mapping[str, Any]) -> Options:
    """Options that were declared, as the plugin that they are for knows them.

    :raises Stalled: they are not what it understands.
    """
    try:
        return model.model_validate(kept)
    except ValidationError:
        raise Stalled("; ".join(option_faults(model, kept))) from None
