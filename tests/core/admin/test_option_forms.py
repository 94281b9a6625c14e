"""The options of plugins as fields: what is kept is shown, and what is shown is kept."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from django.http import QueryDict
from pydantic import BaseModel, Field

from core.admin.option_forms import OptionsForm, OptionsWidget, PluginOptionsField, Typed
from core.models import Activity, Repository
from core.plugins import plugins
from tests import factories

ROLES = ("sources", "builders", "deployers", "notifiers", "inputs")
BUILT_IN = [(role, kind) for role in ROLES for kind in plugins.kinds(role)]

#: Options as somebody may have declared them, with what is hard to show.
DECLARED: dict[tuple[str, str], dict[str, Any]] = {
    ("sources", "git"): {"url": "https://example.org/x.git", "branches": ["live", "release/*"], "exclude": []},
    ("builders", "docker"): {"engines": {"linux/arm64": "arm1"}, "secrets": ["npm_token"], "cache_to": "inline"},
    ("builders", "host"): {
        "command": ["sh", "-c", "make\nmake install"],
        "network": True,
        "env": {"A": "x=y", "B": ""},
    },
    ("deployers", "host"): {"command": ["serve", "{port}"], "port": 80, "trial": False, "health_timeout": 2.5},
    ("deployers", "compose"): {"template": "services:\n  web:\n    image: ${IMAGE}\n", "env": {"TEXT": "a\nb"}},
    ("deployers", "albatross"): {"cpuids": [0, 2], "startup": 7, "restart_on_fail": True, "exit_codes": [1]},
}


def sent(form: OptionsForm, options: dict[str, Any]) -> dict[str, Any]:
    """What a browser would send back of what it was shown."""
    shown = form.values(options)
    return {name: value for name, value in shown.items() if value not in (None, False)}


@pytest.mark.parametrize(("role", "kind"), BUILT_IN)
def test_options_that_are_shown_and_sent_back_are_the_same(role, kind):
    form = OptionsForm(plugins.kinds(role)[kind].Options)
    options = DECLARED.get((role, kind), {})
    cleaned, faults = form.clean(sent(form, options))
    assert cleaned == options
    required = {name for name, field in form.fields.items() if field.required} - options.keys()
    assert set(faults) == required


class Everything(BaseModel):
    text: str = "as it was"
    size: int = 3
    ratio: float | None = None
    on: bool = True
    mode: Literal["", "fast"] = ""
    words: tuple[str, ...] = ("a",)
    env: dict[str, str] = Field(default_factory=dict)
    inner: dict[str, list[int]] | None = None
    must: str = Field(min_length=2)


def cleaned(**typed: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    form = OptionsForm(Everything)
    return form.clean({**sent(form, {"must": "yes"}), **typed})


def test_only_what_differs_from_the_defaults_is_kept():
    assert cleaned() == ({"must": "yes"}, {})
    typed = cleaned(
        size="4", ratio="0.5", mode="fast", words="a\r\nb c\r\n", env="A=1\r\n\r\nB=x=y", inner='{"a": [1]}'
    )
    assert typed == (
        {
            "size": 4,
            "ratio": 0.5,
            "mode": "fast",
            "words": ["a", "b c"],
            "env": {"A": "1", "B": "x=y"},
            "inner": {"a": [1]},
            "must": "yes",
        },
        {},
    )
    form = OptionsForm(Everything)
    unticked = {name: value for name, value in sent(form, {"must": "yes"}).items() if name != "on"}
    assert form.clean(unticked)[0] == {"on": False, "must": "yes"}


@pytest.mark.parametrize(
    ("typed", "option", "said"),
    [
        ({"must": ""}, "must", "required"),
        ({"must": "x"}, "must", "at least 2 characters"),
        ({"size": "many"}, "size", "whole number"),
        ({"mode": "slow"}, "mode", "It is one of: fast"),
        ({"env": "A"}, "env", "NAME=value"),
        ({"inner": "{"}, "inner", "no JSON"),
        ({"inner": '{"a": ["b"]}'}, "inner", "valid integer"),
        ({"words": "[1"}, "words", "a list in JSON"),
    ],
)
def test_what_is_wrong_is_told_at_its_option(typed, option, said):
    _, faults = cleaned(**typed)
    assert list(faults) == [option]
    assert said in " ".join(faults[option])


def test_what_was_typed_for_every_kind_is_shown_again():
    field = PluginOptionsField(plugins.kinds("sources"), kind_name="source")
    widget = field.widget
    assert isinstance(widget, OptionsWidget)
    data = QueryDict(
        "source=git&options.git=shown&options.git.url=-bad&options.image=shown&options.image.image=%3Cb%3E"
    )
    typed = widget.value_from_datadict(data, {}, "options")
    assert isinstance(typed, Typed)
    with pytest.raises(Exception, match="See url"):
        field.clean(typed)
    shown = widget.render("options", typed)
    assert 'value="-bad"' in shown
    assert 'value="&lt;b&gt;"' in shown
    assert 'aria-invalid="true"' in shown


@pytest.mark.django_db
def test_fields_are_saved_as_options_and_a_page_sent_back_as_it_was_changes_nothing(boss, client):
    row = factories.make_repository("acme/shop", source="git", options={"url": "/x", "branches": ["live", "main"]})
    address = f"/admin/core/repository/{row.pk}/change/"
    inline = {"recipes-TOTAL_FORMS": 0, "recipes-INITIAL_FORMS": 0}
    typed = {
        "poll": 120, "check_refs": "on", "source": "git", "options.git": "shown", "options.git.url": "/x",
        "options.git.branches": "live\r\nmain", "options.git.exclude": "gh-pages", "options.git.submodules": "on",
    }  # fmt: skip
    assert client.post(address, {**inline, **typed}).status_code == 302
    assert not Activity.objects.exists()
    assert client.post(address, {**inline, **typed, "options.git.include_git": "on"}).status_code == 302
    row.refresh_from_db()
    assert row.options == {"url": "/x", "branches": ["live", "main"], "include_git": True}
    answer = client.post(address, {**inline, **typed, "options.git.url": "ext::sh", "poll": 7})
    assert b"it is a path that begins with /" in answer.content
    assert b'value="ext::sh"' in answer.content
    assert Repository.objects.get().poll == 120
