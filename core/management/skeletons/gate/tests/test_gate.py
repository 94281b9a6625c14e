"""The gate keeps what every gate promises."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deployer_skeleton.gate import SkeletonGate, SkeletonOptions

from core.api import Commit, DeploymentQuestion, Gate, Options
from core.testing.conformance.gates import QUESTION, GateConformance


class TestSkeletonGate(GateConformance):
    @pytest.fixture
    def gate(self) -> Gate:
        return SkeletonGate()

    @pytest.fixture
    def options(self) -> Options:
        return SkeletonOptions()

    @pytest.fixture
    def held(self) -> DeploymentQuestion:
        commit = Commit(hash="1" * 40, message="WIP: another colour")
        return replace(QUESTION, release=replace(QUESTION.release, commit=commit))

    @pytest.fixture
    def free(self) -> DeploymentQuestion:
        return QUESTION
