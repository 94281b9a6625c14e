"""The hooks: how they are named and written down, and that each of them works for a plugin."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from typing import Any

import pytest
from ninja import Router

from core import additions, hookspecs, interfaces, values
from core.api import Options, Page, PluginSettings
from core.errors import PluginError
from core.plugins import plugins
from core.states import JobState
from core.values import News, ServicePlace
from tests.dummy_plugin.hooks import Dummy, DummySettings

HOOKS: dict[str, Callable[..., Any]] = {
    name: each for name, each in vars(hookspecs).items() if hasattr(each, f"{hookspecs.PROJECT}_spec")
}
#: Offer · hear · refuse · add to a page.
GRAMMAR = re.compile(r"deployer_(register_[a-z_]+s|[a-z]+_([a-z]+ed|begun|gone|sent)|veto_[a-z]+|describe_[a-z]+)")
NEWS = News(flavour="demo", key="job-1", state=JobState.SUCCEEDED, text="It succeeded")
PLACE = ServicePlace(name="shop", options=Options())


def implemented() -> set[str]:
    return {name for name in vars(Dummy) if name.startswith(f"{hookspecs.PROJECT}_")}


# How they are written down


@pytest.mark.parametrize("hook", HOOKS)
def test_a_name_tells_what_kind_of_hook_it_is(hook: str) -> None:
    assert GRAMMAR.fullmatch(hook)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_takes_at_most_three_arguments_and_all_are_typed(hook: str) -> None:
    signature = inspect.signature(HOOKS[hook])
    assert len(signature.parameters) <= 3
    annotations = [each.annotation for each in signature.parameters.values()] + [signature.return_annotation]
    assert inspect.Signature.empty not in annotations


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_takes_values_and_never_rows(hook: str) -> None:
    types = typing.get_type_hints(
        HOOKS[hook], {**vars(interfaces), **vars(values), **vars(additions), "Router": Router}
    )
    types.pop("return")
    assert {each.__module__ for each in types.values()} <= {"core.values", "core.interfaces", "core.states", "builtins"}


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_is_a_page_of_the_manual(hook: str) -> None:
    text = inspect.getdoc(HOOKS[hook])
    assert text
    assert text.partition("\n")[0].endswith(".")
    assert "Called " in text, "when, and how often"
    signature = inspect.signature(HOOKS[hook])
    assert re.findall(r"^:param (\w+): \S", text, re.MULTILINE) == list(signature.parameters)
    returns = signature.return_annotation not in (None, "None")
    assert len(re.findall(r"^:returns: \S", text, re.MULTILINE)) == returns


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_hears_or_describes_says_what_becomes_of_an_exception(hook: str) -> None:
    if not hook.startswith("deployer_register_"):
        assert "exception" in (inspect.getdoc(HOOKS[hook]) or "")


# That they work


def test_the_dummy_plugin_implements_every_hook() -> None:
    assert implemented() == set(HOOKS)


@pytest.mark.parametrize(
    ("role", "attribute"),
    [
        ("sources", "source"),
        ("builders", "builder"),
        ("deployers", "deployer"),
        ("notifiers", "notifier"),
        ("gates", "gate"),
        ("steps", "step"),
        ("inputs", "input"),
        ("logins", "login"),
        ("log_rules", "log_rule"),
    ],
)
def test_what_a_plugin_offers_is_found_by_its_kind(dummy: Dummy, role: str, attribute: str) -> None:
    assert plugins.kinds(role)["dummy"] is getattr(dummy, attribute)
    assert plugins.owner(role, "dummy") == "dummy"


def test_the_roles_that_are_tested_are_all_there_are() -> None:
    registering = {hook.removeprefix("deployer_register_") for hook in HOOKS if hook.startswith("deployer_register_")}
    roles = {"sources", "builders", "deployers", "notifiers", "gates", "steps", "inputs", "logins", "log_rules"}
    assert registering == roles | additions.KINDS.keys() | {"routers"}


def test_what_a_plugin_adds_is_found_under_its_name(dummy: Dummy) -> None:
    assert ("dummy", Page(title="Dummy", name="index")) in plugins.pages()
    assert ("dummy", DummySettings) in plugins.settings()
    assert "dummy" in [name for name, _ in plugins.routers()]


def test_a_plugin_hears_that_a_job_moved(dummy: Dummy) -> None:
    plugins.job_moved(NEWS)
    assert dummy.heard == [NEWS]


def test_a_plugin_describes_a_service(dummy: Dummy) -> None:
    dummy.facts["region"] = "Paris"
    assert plugins.describe_service(PLACE) == [("region", "shop: Paris")]


def test_nothing_is_left_of_a_plugin_that_was_taken_out(dummy: Dummy) -> None:
    plugins.unregister("dummy")
    plugins.job_moved(NEWS)
    assert dummy.heard == []
    assert not any("dummy" in plugins.kinds(role) for role in ("sources", "builders", "deployers", "gates"))
    plugins.register(dummy, name="dummy")


# One plugin's failure is its own


class _Failing:
    @hookspecs.hookimpl
    def deployer_job_moved(self, news: News) -> None:
        raise RuntimeError("boom")

    @hookspecs.hookimpl
    def deployer_describe_service(self, service: ServicePlace) -> list[tuple[str, str]]:
        raise RuntimeError("boom")


@pytest.fixture
def failing() -> typing.Iterator[None]:
    # Its name is before the dummy's and so is its turn.
    plugins.register(_Failing(), name="a-failing-plugin")
    yield
    plugins.unregister("a-failing-plugin")


@pytest.mark.usefixtures("failing")
def test_a_plugin_that_fails_keeps_the_news_from_nobody(dummy: Dummy, caplog: pytest.LogCaptureFixture) -> None:
    plugins.job_moved(NEWS)
    assert dummy.heard == [NEWS]
    assert "plugin a-failing-plugin failed in deployer_job_moved" in caplog.text


@pytest.mark.usefixtures("failing")
def test_a_plugin_that_fails_leaves_only_its_own_facts_out(dummy: Dummy) -> None:
    dummy.facts["region"] = "Paris"
    assert plugins.describe_service(PLACE) == [("region", "shop: Paris")]


class _Misspelt:
    @hookspecs.hookimpl
    def deployer_job_mooved(self, news: News) -> None: ...


class _WrongRole:
    @hookspecs.hookimpl
    def deployer_register_sources(self) -> list[object]:
        return [Dummy().builder]


class _NoPage:
    @hookspecs.hookimpl
    def deployer_register_pages(self) -> list[object]:
        return ["Hello"]


class _NoPrefix:
    @hookspecs.hookimpl
    def deployer_register_settings(self) -> list[object]:
        return [PluginSettings]


class _Offering:
    """Offers a gate of the dummy's kind, and a source of a kind of its own before that."""

    @hookspecs.hookimpl
    def deployer_register_sources(self) -> list[object]:
        source = Dummy().source
        source.kind = "another"  # type: ignore[misc]  # this instance alone
        return [source]

    @hookspecs.hookimpl
    def deployer_register_gates(self) -> list[object]:
        return [Dummy().gate]


@pytest.mark.parametrize(
    ("hooks", "reason"),
    [
        pytest.param(_Misspelt(), "unknown hook 'deployer_job_mooved'", id="a misspelt hook"),
        pytest.param(_WrongRole(), "deployer_register_sources offered .*, which is no Source", id="the wrong role"),
        pytest.param(_NoPage(), "deployer_register_pages offered 'Hello', which is no Page", id="no page"),
        pytest.param(
            _NoPrefix(), "deployer_register_settings offered .*, which is no subclass of PluginSettings", id="no prefix"
        ),
        pytest.param(_Offering(), "dummy offers the kind 'dummy' among the gates already", id="a kind that is taken"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_refused_as_a_whole(dummy: Dummy, hooks: object, reason: str) -> None:
    with pytest.raises(PluginError, match=reason):
        plugins.register(hooks, name="broken")
    assert "another" not in plugins.kinds("sources")
    assert plugins.owner("gates", "dummy") == "dummy"
    assert "broken" not in [info.name for info in plugins.infos()]
