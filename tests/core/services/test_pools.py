"""Places where builds run: shared by all runners, or each runner's own."""

from __future__ import annotations

import pytest
from django.utils import timezone

from core.queries import waiting
from core.services import pools
from core.states import JobState, Purpose
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db
ARM, HERE = "builder dummy on arm1", "builder dummy"


@pytest.fixture
def dummy(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> Dummy:
    monkeypatch.setattr(dummy.builder, "capacity", 2, raising=False)
    dummy.builder.places["linux/arm64"] = "arm1"
    return dummy


def test_a_build_belongs_to_the_place_that_its_builder_names(dummy: Dummy) -> None:
    recipe = factories.make_recipe(builder="dummy")
    assert pools.pool_of(recipe, "linux/arm64", Purpose.CHECK) == ARM
    assert pools.pool_of(recipe, "linux/amd64", Purpose.CHECK) == HERE


@pytest.mark.parametrize("changes", [{"builder": "nobody"}, {"options": {"unknown": 1}}])
def test_a_recipe_that_is_wrong_is_no_obstacle(dummy: Dummy, changes: dict[str, object]) -> None:
    recipe = factories.make_recipe(**{"builder": "dummy", **changes})
    assert pools.pool_of(recipe, "linux/arm64", Purpose.CHECK).startswith("builder ")


def test_runners_share_a_place_and_have_their_own_host_to_themselves(dummy: Dummy) -> None:
    for pool in (ARM, HERE):
        factories.make_job(pool=pool)
        factories.make_job(pool=pool, state=JobState.RUNNING)
    assert pools.free({}) == {ARM: 1, HERE: 2}
    assert pools.free({HERE: 1, ARM: 1}) == {ARM: 1, HERE: 1}


def test_what_nobody_limits_is_not_counted(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.make_job(pool=HERE)
    factories.make_job(pool="builder nobody")
    monkeypatch.setattr(dummy.builder, "capacity", None)
    assert pools.free({}) == {}


def test_a_job_says_that_its_place_is_full(dummy: Dummy) -> None:
    factories.make_runner()
    for _ in range(2):
        factories.make_job(pool=ARM, state=JobState.RUNNING)
    waits, other = factories.make_job(pool=ARM), factories.make_job(pool=HERE)
    reasons = waiting.reasons([waits, other], timezone.now())
    assert reasons[waits.pk].startswith("Waits for a free place: all builder dummy on arm1 places are taken")
    assert reasons[other.pk] == "Is about to start."
