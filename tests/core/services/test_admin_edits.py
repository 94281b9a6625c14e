"""What a person declares, changes and retires in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.errors import RefusedError
from core.models import Activity, Declared, Flavour, Input, Recipe, Repository, Service, Target
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.services import admin_edits, declarations
from tests import factories

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=1)


@pytest.fixture
def anna() -> User:
    return User.objects.create_user("anna")


def told() -> tuple[str, str, str]:
    """The latest activity: its verb, what it was done to, the reason."""
    latest = Activity.objects.first()
    assert latest is not None
    return latest.verb, latest.label, latest.reason


def fresh(row: Declared) -> Any:
    return type(row)._default_manager.get(pk=row.pk)


def is_stale(repository: Repository) -> bool:
    row = fresh(repository)
    return bool(row.version > row.reconciled_version)


def settled(repository: Repository) -> Repository:
    """A repository that has nothing to be evaluated, nor to be looked at soon."""
    next_look = timezone.now() + timedelta(hours=1)
    Repository.objects.filter(pk=repository.pk).update(
        version=5, reconciled_version=5, next_look_at=next_look, validator="seen"
    )
    return fresh(repository)


# Adding


def test_what_is_added_is_recorded_and_looked_at_at_once(anna):
    repository = Repository(flavour=factories.make_flavour(), name="acme/shop", source="dummy")
    admin_edits.add(repository, anna)
    assert told() == ("added", "acme/shop", "")
    assert fresh(repository).next_look_at <= timezone.now()
    assert is_stale(repository)


def test_a_recipe_that_is_added_has_its_repository_evaluated(anna):
    repository = settled(factories.make_repository())
    admin_edits.add(Recipe(repository=repository, name="web", builder="dummy", platforms=["linux/amd64"]), anna)
    assert is_stale(repository)


def test_nothing_is_added_where_a_flavour_file_declares_the_same(anna):
    flavour = declaration.Flavour("acme", [declaration.Repository("acme/shop", Use("dummy"))])
    row = declarations.apply(flavour, "flavours/acme.py")
    with pytest.raises(RefusedError, match=r"acme/shop is declared already, in flavours/acme\.py"):
        admin_edits.add(Repository(flavour=row, name="acme/shop", source="dummy"), anna)


def test_what_is_retired_is_to_be_brought_back_and_not_added_again(anna):
    service = factories.make_service("shop", host="here")
    admin_edits.retire(service, anna)
    again = Service(name="shop", host="here", deployer="dummy", target=service.target)
    with pytest.raises(RefusedError, match="is retired: bring it back instead"):
        admin_edits.add(again, anna)


# Changing


def test_a_change_says_from_what_to_what(anna):
    repository = factories.make_repository("acme/shop", poll=120)
    repository.poll, repository.check_refs = 60, False
    admin_edits.change(repository, anna, ["poll", "check_refs"])
    assert told() == ("changed", "acme/shop", "poll: 120 → 60; check_refs: True → False")


def test_a_threshold_is_told_by_its_word(anna):
    flavour = factories.make_flavour("acme")
    flavour.threshold = 3
    admin_edits.change(flavour, anna, ["threshold"])
    assert told()[2] == "threshold: None → above-average"


def test_of_options_only_the_names_are_told_as_a_value_may_be_a_secret(anna):
    repository = factories.make_repository(options={"url": "https://anna:hunter2@example.org", "branches": ["*"]})
    repository.options = {"url": "https://anna:hunter3@example.org", "branches": ["*"], "depth": 1}
    admin_edits.change(repository, anna, ["options"])
    assert told()[2] == "options: depth, url"


def test_saving_without_a_change_changes_and_records_nothing(anna):
    repository = settled(factories.make_repository())
    admin_edits.change(repository, anna, ["poll"])
    assert not Activity.objects.exists()
    assert not is_stale(repository)


def test_a_change_leaves_what_the_engine_wrote_meanwhile(anna):
    shown = factories.make_repository(poll=120)
    Repository.objects.filter(pk=shown.pk).update(version=40, look_error="it did not answer", default_branch="main")
    shown.poll = 60
    admin_edits.change(shown, anna, ["poll"])
    row = fresh(shown)
    assert (row.poll, row.look_error, row.default_branch) == (60, "it did not answer", "main")
    assert row.version > 40


def test_another_source_is_asked_as_if_nothing_was_ever_seen(anna):
    repository = settled(factories.make_repository())
    repository.options = {"page": "https://example.org"}
    admin_edits.change(repository, anna, ["options"])
    row = fresh(repository)
    assert row.validator == ""
    assert row.next_look_at <= timezone.now()


def test_another_poll_interval_does_not_forget_what_was_seen(anna):
    repository = settled(factories.make_repository())
    repository.poll = 7
    admin_edits.change(repository, anna, ["poll"])
    assert fresh(repository).validator == "seen"


def test_another_reader_is_asked_at_once(anna):
    input = factories.make_input(next_read_at=timezone.now() + timedelta(hours=1))
    input.options = {"ref": "refs/heads/next"}
    admin_edits.change(input, anna, ["options"])
    assert fresh(input).next_read_at <= timezone.now()


def test_running_a_flavour_harmlessly_has_all_of_it_evaluated(anna):
    repository = settled(factories.make_repository())
    flavour = repository.flavour
    flavour.harmless = True
    admin_edits.change(flavour, anna, ["harmless"])
    assert is_stale(repository)


def test_a_service_that_moves_to_another_target_has_both_evaluated(anna):
    service = factories.make_service()
    left = settled(service.target.recipe.repository)
    joined = factories.make_target()
    entered = settled(joined.recipe.repository)
    service.target = joined
    admin_edits.change(service, anna, ["target"])
    assert is_stale(left)
    assert is_stale(entered)


def test_what_a_flavour_file_declares_is_not_changed_here(anna):
    repository = factories.make_repository(origin="flavours/acme.py")
    repository.poll = 7
    with pytest.raises(RefusedError, match=r"declared in flavours/acme\.py: change it there"):
        admin_edits.change(repository, anna, ["poll"])
    assert fresh(repository).poll == 120


def test_what_is_retired_is_not_changed(anna):
    repository = factories.make_repository(retired_at=LONG_AGO)
    with pytest.raises(RefusedError, match="bring it back to change it"):
        admin_edits.change(repository, anna, ["poll"])


# Retiring and bringing back


def tree() -> tuple[Flavour, Repository, Recipe, Target, Service]:
    service = factories.make_service()
    target = service.target
    return target.recipe.repository.flavour, target.recipe.repository, target.recipe, target, service


def test_retiring_takes_all_below_with_it_and_is_recorded_with_its_reason(anna):
    _, repository, *below = tree()
    admin_edits.retire(repository, anna, reason="moved elsewhere")
    assert told() == ("retired", repository.name, "moved elsewhere")
    assert all(fresh(row).retired_at for row in (repository, *below))


def test_what_a_flavour_file_declares_is_retired_there(anna):
    with pytest.raises(RefusedError, match=r"flavours/acme\.py"):
        admin_edits.retire(factories.make_repository(origin="flavours/acme.py"), anna)


def test_nothing_is_retired_twice(anna):
    repository = factories.make_repository()
    admin_edits.retire(repository, anna)
    with pytest.raises(RefusedError, match="already"):
        admin_edits.retire(repository, anna)
    assert Activity.objects.filter(verb="retired").count() == 1


def test_bringing_back_is_the_reverse_of_retiring(anna):
    flavour, *below = tree()
    admin_edits.retire(flavour, anna)
    admin_edits.bring_back(flavour, anna, reason="a mistake")
    assert told() == ("brought back", flavour.name, "a mistake")
    assert not any(fresh(row).retired_at for row in (flavour, *below))


def test_what_was_retired_before_its_repository_stays_so(anna):
    _, repository, recipe, *_ = tree()
    old = factories.make_recipe("old", repository=repository)
    admin_edits.retire(old, anna)
    admin_edits.retire(repository, anna)
    admin_edits.bring_back(repository, anna)
    assert fresh(old).retired_at
    assert not fresh(recipe).retired_at


def test_a_repository_that_comes_back_is_looked_at_and_evaluated(anna):
    repository = factories.make_repository()
    admin_edits.retire(repository, anna)
    settled(repository)
    admin_edits.bring_back(repository, anna)
    assert fresh(repository).next_look_at <= timezone.now()
    assert is_stale(repository)


def test_a_recipe_does_not_come_back_into_a_retired_repository(anna):
    _, repository, recipe, *_ = tree()
    admin_edits.retire(repository, anna)
    with pytest.raises(RefusedError, match=f"{repository}, which is retired: bring that back first"):
        admin_edits.bring_back(recipe, anna)


def test_a_service_does_not_come_back_beside_its_successor(anna):
    old = factories.make_service("shop", host="here", retired_at=LONG_AGO)
    new = factories.make_service("shop", host="here")
    with pytest.raises(RefusedError, match="cannot be brought back"):
        admin_edits.bring_back(old, anna)
    assert fresh(old).retired_at
    assert not fresh(new).retired_at


def test_nothing_comes_back_that_did_not_go(anna):
    with pytest.raises(RefusedError, match="is not retired"):
        admin_edits.bring_back(factories.make_input(), anna)


def test_what_a_flavour_file_dropped_comes_back_as_the_admins_own(anna):
    declared = declaration.Flavour("acme", [declaration.Repository("acme/shop", Use("dummy"))])
    declarations.apply(declared, "flavours/acme.py")
    declarations.apply(declaration.Flavour("acme"), "flavours/acme.py")
    row = Repository.objects.get(name="acme/shop")
    assert row.retired_at
    admin_edits.bring_back(row, anna)
    # The file can be applied again and again without taking away what is no longer its own.
    declarations.apply(declaration.Flavour("acme"), "flavours/acme.py")
    row = fresh(row)
    assert (row.origin, row.retired_at) == ("", None)


def test_an_input_that_comes_back_is_read(anna):
    input = factories.make_input(retired_at=LONG_AGO, next_read_at=timezone.now() + timedelta(hours=1))
    admin_edits.bring_back(input, anna)
    assert Input.objects.get(pk=input.pk).next_read_at <= timezone.now()
