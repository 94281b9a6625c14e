"""The notifier keeps what every notifier promises."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from conftest import Ops
from deployer_matrix.notifier import MatrixNotifier

from core.api import Notifier, Options
from core.testing.conformance.notifiers import NotifierConformance


class TestMatrixNotifier(NotifierConformance):
    @pytest.fixture
    def notifier(self) -> Notifier:
        return MatrixNotifier()

    @pytest.fixture
    def options(self, ops: Ops) -> Options:
        return ops.options()

    @pytest.fixture
    def unreachable(self, ops: Ops) -> Options:
        return ops.options(homeserver="http://127.0.0.1:1")

    @pytest.fixture
    def heard(self, ops: Ops) -> Callable[[], Sequence[str]]:
        return lambda: [content["body"] for content in ops.alice.sees(ops.room)]
