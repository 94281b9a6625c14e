"""The flavour of a simulated deployer."""

from __future__ import annotations

from bench.scale.size import current
from core.api import Flavour, Recipe, Repository, Service, Target, Use

_SIZE = current()


def _repository(number: int, name: str) -> Repository:
    services = [Service(each, Use("simulated")) for each in _SIZE.services_of(number)]
    target = Target("live", f"registry.example/{name}:live", services)
    return Repository(name, Use("simulated"), [Recipe("web", Use("simulated"), targets=[target])])


flavour = Flavour("scale", [_repository(number, name) for number, name in enumerate(_SIZE.names())])
