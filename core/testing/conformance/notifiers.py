"""What every notifier keeps to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from core.errors import OperationError
from core.interfaces import Notifier
from core.values import News, Options

NEWS = News(
    flavour="sample",
    key="deployment 1",
    state="succeeded",
    text="sample/repository: live runs 0123456789",
    url="http://127.0.0.1/jobs/1",
)


class NotifierConformance:
    """Inherit it in a test class and override the fixtures that raise; `pytest` does the rest.

    Let the notifier talk to a server on 127.0.0.1 that behaves as the real one does.
    """

    # What you provide

    @pytest.fixture
    def notifier(self) -> Notifier:
        """The notifier under test."""
        raise NotImplementedError

    @pytest.fixture
    def options(self) -> Options:
        """An instance of its `Options` with which it reaches somebody."""
        raise NotImplementedError

    @pytest.fixture
    def unreachable(self) -> Options:
        """An instance of its `Options` with which it reaches nobody: a port that is closed."""
        raise NotImplementedError

    @pytest.fixture
    def heard(self) -> Callable[[], Sequence[str]]:
        """Tell what has arrived, as texts, the oldest first."""
        raise NotImplementedError

    # What it has to keep to

    def test_it_says_what_it_is(self, notifier: Notifier) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", notifier.kind)
        assert issubclass(notifier.Options, Options)
        assert notifier.Options.model_json_schema()["type"] == "object"

    async def test_what_it_says_arrives(
        self, notifier: Notifier, options: Options, heard: Callable[[], Sequence[str]]
    ) -> None:
        await notifier.notify(NEWS, options, {})
        assert "live runs 0123456789" in heard()[-1]

    async def test_it_is_tested_without_anything_being_said(
        self, notifier: Notifier, options: Options, heard: Callable[[], Sequence[str]]
    ) -> None:
        before = list(heard())
        found = [finding async for finding in notifier.check(options)]
        assert found, "say at least that it cannot be tested"
        assert not [finding for finding in found if finding.level == "error"]
        assert list(heard()) == before

    async def test_it_is_told_more_of_the_same_with_what_it_remembered(
        self, notifier: Notifier, options: Options, heard: Callable[[], Sequence[str]]
    ) -> None:
        said = await notifier.notify(replace(NEWS, state="running", text="live is being moved"), options, {}) or {}
        failed = replace(NEWS, state="failed", text="sample/repository: live failed")
        memory = await notifier.notify(failed, options, said) or said
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in memory.items())
        assert "live failed" in "\n".join(heard())

    async def test_text_from_outside_does_it_no_harm(
        self, notifier: Notifier, options: Options, heard: Callable[[], Sequence[str]]
    ) -> None:
        text = 'a branch named -x; rm -rf "$HOME" <!channel> \0 `é` \N{PARTY POPPER}\nand a second line'
        await notifier.notify(replace(NEWS, text=text), options, {})
        assert "a branch named -x; rm -rf" in heard()[-1]

    async def test_nobody_there_is_an_error_that_is_tried_again(self, notifier: Notifier, unreachable: Options) -> None:
        with pytest.raises(OperationError):
            await notifier.notify(NEWS, unreachable, {})
