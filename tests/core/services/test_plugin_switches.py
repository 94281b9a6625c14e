"""A plugin that somebody disabled: nothing of it is called, what needs it waits and says so, and goes on afterwards."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from core.engine import execute
from core.errors import ConfigurationError, RefusedError, Waiting
from core.models import Activity
from core.plugins import plugins
from core.services import plugin_switches
from core.states import JobKind
from core.values import News
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(dummy: Dummy) -> User:
    return factories.make_user("ann", is_superuser=True)


def test_who_disabled_it_and_why_is_kept_and_told(ann: User) -> None:
    row = plugin_switches.disable("dummy", ann, reason="it leaks.")
    said = "Plugin dummy was disabled by ann: it leaks. `manage.py enable_plugin dummy` has it go on"
    assert row.sentence == plugins.switched_off["dummy"] == said
    plugin_switches.enable("dummy", ann, reason="mended")
    assert plugins.switched_off == {}
    done = list(Activity.objects.order_by("pk").values_list("user__username", "verb", "label", "reason"))
    assert done == [("ann", "disabled", "plugin dummy", "it leaks."), ("ann", "enabled", "plugin dummy", "mended")]


def test_what_makes_no_sense_is_refused(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"plugin .*dumy.*dummy"):
        plugin_switches.disable("dumy", ann, reason="why not")
    with pytest.raises(RefusedError, match="say why"):
        plugin_switches.disable("dummy", ann, reason="")
    with pytest.raises(RefusedError, match="is not disabled"):
        plugin_switches.enable("dummy", ann)
    plugin_switches.disable("dummy", ann, reason="it leaks")
    with pytest.raises(RefusedError, match="was disabled by ann: it leaks"):
        plugin_switches.disable("dummy", ann, reason="again")
    monkeypatch.setattr(plugins, "disabled", frozenset({"git"}))
    with pytest.raises(RefusedError, match="DEPLOYER_DISABLED_PLUGINS"):
        plugin_switches.enable("git", ann)


def test_its_hooks_hear_nothing_and_its_pages_are_not_offered(ann: User, dummy: Dummy) -> None:
    plugin_switches.disable("dummy", ann, reason="it leaks")
    plugins.job_moved(News(flavour="acme", key="job-1", state="failed", text="failed"))
    assert dummy.heard == []
    assert "dummy" not in [name for name, _ in plugins.pages()]
    assert Client().get("/plugins/dummy/").status_code == 503
    answer = Client().get("/api/plugins/dummy/size")
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
    assert "disabled by ann: it leaks" in answer.json()["detail"]


def test_work_that_needs_it_waits_with_the_reason_and_goes_on_afterwards(ann: User) -> None:
    recipe = factories.make_recipe(builder="dummy")
    job = factories.make_job(JobKind.BUILD, build=factories.make_build(recipe=recipe))
    plugin_switches.disable("dummy", ann, reason="it leaks")
    with pytest.raises(Waiting, match="Plugin dummy was disabled by ann: it leaks"):
        execute.prepare(job)
    plugin_switches.enable("dummy", ann)
    assert execute.prepare(job).limit.startswith("`timeout`")


def test_another_process_hears_of_it_within_a_moment(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin_switches.disable("dummy", ann, reason="it leaks")
    plugins.switched_off = {}
    monkeypatch.setattr(plugin_switches, "_read_at", -plugin_switches._FRESH)
    plugin_switches.refresh()
    assert "dummy" in plugins.switched_off


def test_only_an_admin_of_everything_may_and_the_page_shows_how(ann: User) -> None:
    client = Client()
    factories.make_user("bob")
    client.force_login(User.objects.get(username="bob"))
    assert "Disable …" not in client.get("/plugins/").content.decode()
    assert client.post("/plugins/dummy/disable", {"reason": "why not"}).status_code == 403
    client.force_login(ann)
    assert "Disable …" in client.get("/plugins/").content.decode()
    page = client.post("/plugins/dummy/disable", {"reason": "<b>it leaks</b>"}, follow=True).content.decode()
    assert "was disabled by ann: &lt;b&gt;it leaks&lt;/b&gt;" in page
    assert client.post("/plugins/nobody/disable", {"reason": "x"}).status_code == 404
    page = client.post("/plugins/dummy/enable", follow=True).content.decode()
    assert "Plugin dummy is enabled." in page
