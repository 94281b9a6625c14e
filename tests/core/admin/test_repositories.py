"""The screen of repositories: adding, changing, retiring."""

from __future__ import annotations

import pytest
from django.utils import timezone

from core.models import Activity, Recipe, Repository
from core.plugins import plugins
from tests import factories
from tests.core.admin.pages import faults, inline_faults, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def flavour():
    return factories.make_flavour("acme")


def activities() -> list[str]:
    return [str(each) for each in Activity.objects.order_by("pk")]


def test_a_repository_is_added_with_its_recipes_and_looked_at(boss, flavour):
    recipe = {"name": "web", "builder": "dummy", "options": '{"dockerfile": "Dockerfile.live"}'}
    answer = boss.add(
        "repository", flavour=flavour.pk, name="acme/shop", source="dummy", options='{"page": "x"}', recipes=[recipe]
    )
    assert answer.status_code == 302, faults(answer)
    row = Repository.objects.get()
    assert (row.name, row.source, row.options, row.origin) == ("acme/shop", "dummy", {"page": "x"}, "")
    assert row.next_look_at <= timezone.now()
    made = row.recipes.get()
    assert (made.name, made.platforms, made.options) == ("web", ["linux/amd64"], {"dockerfile": "Dockerfile.live"})
    assert activities() == ["boss added acme/shop", "boss added acme/shop: web"]


def test_the_sources_that_plugins_offer_can_be_chosen(boss):
    shown = boss.new("repository").rendered_content
    assert '<option value="dummy">dummy</option>' in shown
    assert '<option value="git">git</option>' in shown
    assert "Options of dummy" in shown


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        pytest.param({"name": "shop"}, "name", "owner/name", id="a name without an owner"),
        pytest.param({"name": "-x/shop"}, "name", "owner/name", id="a name that begins with a dash"),
        pytest.param({"source": "dumy"}, "source", "did you mean 'dummy'?", id="a kind that nobody offers"),
        pytest.param({"options": '{"pgae": "x"}'}, "options", "did you mean 'page'?", id="an option that there is not"),
        pytest.param({"options": '{"page": 1}'}, "options", "option 'page': Input should be a valid string", id="type"),
        pytest.param({"options": "[1]"}, "options", "It has to be an object", id="options that are a list"),
        pytest.param({"options": '"page"'}, "options", "It has to be an object", id="options that are a text"),
        pytest.param({"options": "{page"}, "options", "Enter a valid JSON", id="options that are no JSON"),
        pytest.param({"options": '{"page": "\\u0000"}'}, "options", "NUL", id="options that PostgreSQL refuses"),
        pytest.param({"options": '{"page": NaN}'}, "options", "NaN", id="options that SQLite refuses"),
        pytest.param({"options": '{"kind": 1, "self": 2}'}, "options", "unknown", id="options named like arguments"),
        pytest.param({"poll": "0"}, "poll", "a second or more", id="a poll without a pause"),
        pytest.param({"flavour": ""}, "flavour", "required", id="no flavour"),
    ],
)
def test_what_a_flavour_file_could_not_say_is_refused_on_its_field(values, field, said, boss, flavour):
    right = {"flavour": flavour.pk, "name": "acme/shop", "source": "dummy"}
    found = faults(boss.add("repository", **{**right, **values}))
    assert list(found) == [field]
    assert said in " ".join(found[field])
    assert not Repository.objects.exists()
    assert not Activity.objects.exists()


def test_an_option_that_is_missing_is_told(boss, flavour):
    found = faults(boss.add("repository", flavour=flavour.pk, name="acme/shop", source="git"))
    assert found == {"options": ["source: option 'url' is missing"]}


def test_a_fault_of_a_recipe_saves_nothing_of_the_repository(boss, flavour):
    recipe = {"name": "web", "builder": "dummy", "platforms": "linux/amd64 linux-x86"}
    answer = boss.add("repository", flavour=flavour.pk, name="acme/shop", source="dummy", recipes=[recipe])
    [found] = inline_faults(answer, "recipes")
    assert list(found) == ["platforms"]
    assert "did you mean 'linux/386'" in found["platforms"][0] or "did you mean" in found["platforms"][0]
    assert not Repository.objects.exists()


def test_two_recipes_of_a_name_are_refused_on_the_page(boss, flavour):
    recipe = {"name": "web", "builder": "dummy"}
    answer = boss.add("repository", flavour=flavour.pk, name="acme/shop", source="dummy", recipes=[recipe, recipe])
    assert inline_faults(answer, "recipes")[1] == {"__all__": ["This recipe is declared twice on this page."]}


def test_a_repository_without_a_flavour_has_its_recipes_checked_as_well(boss):
    recipe = {"name": "web", "builder": "dummy", "args": '{"OPAM": {"input": "opam"}}'}
    answer = boss.add("repository", name="acme/shop", source="dummy", recipes=[recipe])
    assert "flavour" in faults(answer)
    assert "input 'opam': unknown" in inline_faults(answer, "recipes")[0]["args"][0]


def test_a_name_that_is_taken_says_where(boss, flavour):
    factories.make_repository("acme/shop", flavour=flavour, origin="flavours/acme.py")
    factories.make_repository("acme/old", flavour=flavour, retired_at=timezone.now())
    values = {"flavour": flavour.pk, "source": "dummy"}
    assert faults(boss.add("repository", name="acme/shop", **values)) == {
        "name": ["acme/shop is declared already, in flavours/acme.py"]
    }
    [[said]] = faults(boss.add("repository", name="acme/old", **values)).values()
    assert "bring it back instead" in said


def test_a_retired_flavour_is_not_offered(boss, flavour):
    factories.make_flavour("gone", retired_at=timezone.now())
    shown = boss.new("repository").rendered_content
    assert ">acme</option>" in shown
    assert ">gone</option>" not in shown


def test_a_change_is_recorded_with_what_changed(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour, options={"page": "x"})
    assert boss.change(row, poll=7, options='{"page": "y"}').status_code == 302
    row.refresh_from_db()
    assert (row.poll, row.options) == (7, {"page": "y"})
    assert Activity.objects.get().reason in ("poll: 120 → 7; options: page", "options: page; poll: 120 → 7")


def test_saving_a_page_as_it_is_changes_nothing(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour)
    factories.make_recipe(repository=row, args={"A": "b"}, options={"dockerfile": "D"})
    assert boss.change(row).status_code == 302
    assert not Activity.objects.exists()


def test_a_name_does_not_change_as_history_hangs_on_it(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour)
    other = factories.make_flavour("other")
    boss.change(row, name="acme/other", flavour=other.pk, poll=7)
    row.refresh_from_db()
    assert (row.name, row.flavour, row.poll) == ("acme/shop", flavour, 7)


def test_a_recipe_is_added_to_and_changed_on_the_page_of_its_repository(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour)
    old = factories.make_recipe("old", repository=row)
    answer = boss.change(row, **{"recipes-0-timeout": 60}, recipes=[{"name": "new", "builder": "dummy"}])
    assert answer.status_code == 302
    assert Recipe.objects.get(pk=old.pk).timeout == 60
    assert activities() == ["boss added acme/shop: new", "boss changed acme/shop: old"]


def test_the_rest_can_be_changed_while_the_plugin_is_missing(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour, source="gone", options={"some": "thing"})
    assert "gone (no plugin offers it now)" in boss.page(row).rendered_content
    assert boss.change(row, poll=7).status_code == 302
    row.refresh_from_db()
    assert (row.source, row.options, row.poll) == ("gone", {"some": "thing"}, 7)


def test_a_repository_that_lost_its_plugin_moves_to_none_that_is_missing_too(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour, source="gone")
    assert list(faults(boss.change(row, source="lost"))) == ["source"]


def test_the_admin_shows_the_repository_of_a_plugin_that_was_taken_away(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour, source="dummy")
    plugins.unregister("dummy")
    assert boss.page(row).status_code == 200


def test_an_edit_that_came_too_late_is_refused_with_a_sentence(boss, flavour, monkeypatch):
    row = factories.make_repository("acme/shop", flavour=flavour)
    page = boss.page(row)
    from core.admin.declared import DeclaredAdmin

    # Between the check of the permission and the saving, a flavour file took the repository over.
    Repository.objects.update(origin="flavours/acme.py")
    monkeypatch.setattr(DeclaredAdmin, "has_change_permission", lambda *_: True)
    assert page.status_code == 200
    answer = boss.change(row, poll=7)
    assert answer.status_code == 302
    assert told(boss.page(row)) == ["Nothing was saved: acme/shop is declared in flavours/acme.py: change it there."]
    row.refresh_from_db()
    assert row.poll == 120


def test_retiring_and_bringing_back_are_recorded_with_their_reason(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour)
    assert told(boss.act("retire", row, reason="moved")) == ["1 retired; what runs goes on running: acme/shop"]
    row.refresh_from_db()
    assert row.retired_at
    assert "Retired, and therefore read-only" in boss.page(row).rendered_content
    assert told(boss.act("bring_back", row, seen="?use=retired")) == ["1 brought back: acme/shop"]
    row.refresh_from_db()
    assert row.retired_at is None
    assert [(each.verb, each.reason) for each in Activity.objects.order_by("pk")] == [
        ("retired", "moved"),
        ("brought back", ""),
    ]


def test_one_that_cannot_be_retired_does_not_keep_the_others(boss, flavour):
    mine = factories.make_repository("acme/mine", flavour=flavour)
    theirs = factories.make_repository("acme/theirs", flavour=flavour, origin="flavours/acme.py")
    messages = told(boss.act("retire", mine, theirs))
    assert messages == [
        "acme/theirs is declared in flavours/acme.py: change it there.",
        "1 retired; what runs goes on running: acme/mine",
    ]


def test_a_look_can_be_asked_for(boss, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour, origin="flavours/acme.py")
    boss.act("look", row, reason="a webhook was lost")
    row.refresh_from_db()
    assert row.next_look_at <= timezone.now()
    assert activities() == ["boss asked for a look at acme/shop"]


def test_who_may_only_look_is_offered_no_action(staff, flavour):
    row = factories.make_repository("acme/shop", flavour=flavour)
    pages = staff("view_repository")
    assert pages.page(row).context["has_change_permission"] is False
    boss_actions = pages.list("repository").context["action_form"]
    assert boss_actions is None
    pages.act("retire", row)
    row.refresh_from_db()
    assert row.retired_at is None
