"""The factories of rows: each makes one without being told anything, and the database takes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db.models import Model

from core.states import JobKind, JobState
from tests import factories

_FACTORIES = {name: function for name, function in vars(factories).items() if name.startswith("make_")}


@pytest.mark.django_db
@pytest.mark.parametrize("make", _FACTORIES.values(), ids=_FACTORIES)
def test_two_rows_can_be_made_without_a_word(make: Callable[[], Model]) -> None:
    first, second = make(), make()
    assert first.pk != second.pk


@pytest.mark.django_db
@pytest.mark.parametrize("state", JobState)
def test_a_job_can_be_in_any_state(state: JobState) -> None:
    assert factories.make_job(state=state).state == state


@pytest.mark.django_db
def test_a_deployment_that_succeeded_is_what_its_service_runs() -> None:
    deployment = factories.make_deployment()
    assert deployment.service.current == deployment.release
    assert (deployment.job.kind, deployment.job.exclusive) == (JobKind.DEPLOYMENT, f"service:{deployment.service.pk}")


@pytest.mark.django_db
def test_what_is_made_for_a_row_belongs_to_the_same_repository() -> None:
    release = factories.make_release()
    build = factories.make_build(target=release.target, commit=release.commit)
    job = factories.make_job(build=build)
    assert job.repository == release.target.recipe.repository == release.commit.repository
    assert job.flavour == job.repository.flavour
