"""A plugin that hangs or raises holds up nothing but itself, and what it did is remembered."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core import incidents
from core.hook_calls import HookCaller, HungError
from core.hookspecs import hookimpl
from core.incidents import IncidentKind
from core.models import PluginIncident
from core.plugins import plugins
from core.services import incidents as written
from core.values import News
from tests.dummy_plugin.hooks import Dummy

NEWS = News(flavour="acme", key="job-1", state="failed", text="failed")


@pytest.fixture
def latch() -> Iterator[threading.Event]:
    """What a hanging call waits for; let go at the end."""
    latch = threading.Event()
    yield latch
    latch.set()


def test_what_it_answers_and_raises_comes_through() -> None:
    caller = HookCaller()
    assert caller.call(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        caller.call(lambda: 1 // 0)


def test_while_a_call_hangs_there_is_no_other_and_then_there_is(latch: threading.Event) -> None:
    caller = HookCaller(0.01)
    came_back = threading.Event()

    def hang() -> None:
        latch.wait(60)
        came_back.set()

    with pytest.raises(HungError, match="did not come back within"):
        caller.call(hang)
    called: list[int] = []
    with pytest.raises(HungError, match="an earlier call"):
        caller.call(lambda: called.append(1))
    assert called == []
    latch.set()
    assert came_back.wait(60)
    for thread in threading.enumerate():
        if thread.name == "hook":
            thread.join(60)
    assert caller.call(lambda: 7) == 7


class Hanging:
    def __init__(self, latch: threading.Event) -> None:
        self._latch = latch

    @hookimpl
    def deployer_job_moved(self, news: News) -> None:
        self._latch.wait(60)


class Raising:
    @hookimpl
    def deployer_job_moved(self, news: News) -> None:
        raise ValueError("sesame\0")


@pytest.mark.django_db
def test_others_hear_the_news_and_the_page_tells_what_happened(dummy: Dummy, latch: threading.Event) -> None:
    plugins.register(Hanging(latch), name="a-hanging-one")
    plugins.register(Raising(), name="a-raising-one")
    plugins._callers["a-hanging-one"] = HookCaller(0.01)
    try:
        for _ in range(3):
            plugins.job_moved(NEWS)
        assert dummy.heard == [NEWS] * 3
    finally:
        plugins.unregister("a-hanging-one")
        plugins.unregister("a-raising-one")
    written.flush()
    rows = PluginIncident.objects.order_by("plugin", "-count").values_list("plugin", "kind", "where", "detail", "count")
    hook = "deployer_job_moved"
    assert list(rows) == [
        ("a-hanging-one", "hung", hook, "an earlier call has not come back yet", 2),
        ("a-hanging-one", "hung", hook, "it did not come back within 0.01 s", 1),
        ("a-raising-one", "raised", hook, "ValueError: sesame␀", 3),
    ]


@pytest.mark.django_db
def test_only_the_newest_incidents_of_a_plugin_are_kept() -> None:
    for number in range(written.KEPT + 5):
        incidents.note("hello", IncidentKind.RAISED, "somewhere", f"number {number}")
        written.flush()
    assert PluginIncident.objects.count() == written.KEPT
    assert PluginIncident.objects.first().detail == f"number {written.KEPT + 4}"


@pytest.mark.django_db
def test_what_cannot_be_written_down_is_kept_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    incidents.note("hello", IncidentKind.HUNG, "somewhere", "once")
    with monkeypatch.context() as patch:
        patch.setattr(PluginIncident.objects, "get_or_create", lambda **_: 1 / 0)
        written.flush()
    incidents.note("hello", IncidentKind.HUNG, "somewhere", "once")
    written.flush()
    assert PluginIncident.objects.get().count == 2
