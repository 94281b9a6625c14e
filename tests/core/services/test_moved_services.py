"""A service that is declared somewhere else from now on: the same service, with what goes on at it."""

from __future__ import annotations

import pytest

from core.models import Job, Repository
from core.pipeline import declaration as declared
from core.services import declarations
from core.states import JobKind, JobState
from tests.core import shop

pytestmark = pytest.mark.django_db
NAMES = ("acme/shop", "acme/other")


def flavour(home: str, names: tuple[str, ...]) -> declared.Flavour:
    """Two repositories, one of which has the service."""

    def repository(name: str) -> declared.Repository:
        services = [declared.Service("shop", declared.Use("nowhere"))] if name == home else []
        target = declared.Target("live", f"{name}:live", services)
        recipe = declared.Recipe("web", declared.Use("nothing"), targets=[target])
        return declared.Repository(name, declared.Use("nobody"), [recipe])

    return declared.Flavour("acme", [repository(name) for name in names])


def both(names: tuple[str, ...]) -> list[Repository]:
    """Both repositories, published; the service is at the first, and its deployment waits."""
    shop.declare(flavour("acme/shop", names))
    rows = [Repository.objects.get(name=name) for name in NAMES]
    for row in reversed(rows):
        shop.look(row, live=row.name[-5:])
        shop.settle(row)
        for _ in range(2):
            for job in shop.claim():
                shop.finish(job)
            shop.settle(row)
    return rows


def move(names: tuple[str, ...]) -> None:
    declarations.apply(flavour("acme/other", names), "tests/acme.py")


def runs() -> str:
    current = shop.service().current
    assert current is not None
    return current.target.recipe.repository.name


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]], ids=["old one first", "new one first"])
def test_a_service_that_moved_is_deployed_from_its_new_repository_at_once(names: tuple[str, ...]) -> None:
    old, new = both(names)
    (waiting,) = Job.objects.active()
    move(names)
    shop.run_all(new)
    shop.settle(old)
    waiting.refresh_from_db()
    assert (waiting.state, runs()) == (JobState.CANCELLED, "acme/other")


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]], ids=["old one first", "new one first"])
def test_a_service_that_moved_waits_for_the_deployment_that_runs(names: tuple[str, ...]) -> None:
    old, new = both(names)
    (running,) = shop.claim()
    assert running.kind == JobKind.DEPLOYMENT
    move(names)
    for row in (new, old):
        shop.settle(row)
    assert shop.service().reason == f"waits for {running.title} to end"
    shop.finish(running)
    shop.run_all(new)
    assert runs() == "acme/other"
