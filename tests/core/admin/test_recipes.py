"""The screens of recipes and targets."""

from __future__ import annotations

import pytest

from core.models import Activity, Recipe, Target
from tests import factories
from tests.core.admin.pages import faults, inline_faults

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository():
    return factories.make_repository("acme/shop")


def test_a_recipe_of_the_admin_is_added_to_a_repository_of_a_flavour_file(boss):
    repository = factories.make_repository("acme/shop", origin="flavours/acme.py")
    factories.make_input("opam", flavour=repository.flavour)
    answer = boss.add(
        "recipe",
        repository=repository.pk,
        name="arm",
        builder="dummy",
        platforms="linux/arm64,\n linux/amd64",
        args='{"OPAM": {"input": "opam"}, "MODE": "live"}',
        targets=[{"branch": "live", "image": "acme/shop:live"}],
    )
    assert answer.status_code == 302, faults(answer)
    row = Recipe.objects.get()
    assert row.platforms == ["linux/arm64", "linux/amd64"]
    assert row.args == {"OPAM": {"input": "opam"}, "MODE": "live"}
    assert str(row.targets.get()) == "live as acme/shop:live"


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        pytest.param({"name": "a b"}, "name", "letters, digits", id="a name with a space"),
        pytest.param({"builder": "dumm"}, "builder", "did you mean 'dummy'?", id="a builder that nobody offers"),
        pytest.param({"builder": ""}, "builder", "required", id="no builder"),
        pytest.param({"options": '{"dockerfil": "x"}'}, "options", "did you mean 'dockerfile'?", id="an option"),
        pytest.param({"platforms": "linux/amd46"}, "platforms", "did you mean 'linux/amd64'?", id="a platform"),
        pytest.param({"platforms": "linux/s390x"}, "platforms", "cannot build for it here", id="a builder's limit"),
        pytest.param({"platforms": "linux/amd64 linux/amd64"}, "platforms", "declared twice", id="a platform twice"),
        pytest.param({"platforms": " , "}, "platforms", "required", id="no platform"),
        pytest.param({"args": '{"A": {"input": "opma"}}'}, "args", "did you mean 'opam'?", id="an input there is not"),
        pytest.param({"args": '{"A": 1}'}, "args", "A: its value is a text", id="an argument that is a number"),
        pytest.param({"args": '{"A": {"input": "opam", "x": 1}}'}, "args", "A: its value", id="more than an input"),
        pytest.param({"args": '{"A B": "x"}'}, "args", "letters, digits", id="an argument with a space"),
        pytest.param({"timeout": "0"}, "timeout", "a second or more", id="no time"),
    ],
)
def test_what_a_flavour_file_could_not_say_is_refused_on_its_field(values, field, said, boss, dummy, repository):
    dummy.builder.unable = {"linux/s390x"}
    factories.make_input("opam", flavour=repository.flavour)
    right = {"repository": repository.pk, "name": "web", "builder": "dummy"}
    found = faults(boss.add("recipe", **{**right, **values}))
    assert list(found) == [field]
    assert said in " ".join(found[field])
    assert not Recipe.objects.exists()


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        pytest.param({"branch": "-x; rm -rf"}, "branch", "name of a branch", id="a branch that looks like an option"),
        pytest.param({"branch": "refs/heads/live"}, "branch", "without `refs/heads/`", id="a full name"),
        pytest.param({"image": "Acme/Shop"}, "image", "in small letters", id="an image in capitals"),
        pytest.param({"image": "a b"}, "image", "a name with an optional tag", id="an image with a space"),
        pytest.param({"rollout": "one by one"}, "rollout", "not one of the available choices", id="an unknown rollout"),
        pytest.param({"soak": 60}, "soak", "while all move together", id="a soak for nobody"),
        pytest.param({"rollout": "canary", "soak": -1}, "soak", "greater than or equal to 0", id="less than no soak"),
    ],
)
def test_a_wrong_target_is_refused_on_its_field(values, field, said, boss, repository):
    recipe = factories.make_recipe(repository=repository)
    right = {"branch": "live", "image": "acme/shop:live"}
    [found] = inline_faults(boss.change(recipe, targets=[{**right, **values}]), "targets")
    assert list(found) == [field]
    assert said in " ".join(found[field])
    assert not Target.objects.exists()


def test_a_target_is_told_how_its_services_move(boss, repository):
    target = factories.make_target(recipe=factories.make_recipe(repository=repository))
    assert boss.change(target, rollout="canary", soak=60).status_code == 302
    target.refresh_from_db()
    assert (target.rollout, target.soak) == ("canary", 60)
    assert Activity.objects.get().reason == "rollout: together → canary; soak: 0 → 60"


def test_a_service_is_told_where_it_comes(boss, repository):
    target = factories.make_target(recipe=factories.make_recipe(repository=repository), rollout="in-order")
    first, second = (factories.make_service(name, target=target, position=1) for name in ("first", "second"))
    assert boss.change(second, position=0).status_code == 302
    assert target.in_order() == [second, first]


def test_retired_targets_are_not_on_the_page_of_their_recipe(boss, repository):
    recipe = factories.make_recipe(repository=repository)
    target = factories.make_target(recipe=recipe)
    boss.act("retire", target)
    assert inline_faults(boss.page(recipe), "targets") == []
    assert Activity.objects.get().verb == "retired"
