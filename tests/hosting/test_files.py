"""What the files for containers say, without starting anything."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest
import yaml

from core.configuration import FROM_FILES, PREFIX, Configuration
from core.pipeline import validate
from core.services import declarations
from tests.e2e.harness import ROOT

SETTINGS = {f"{PREFIX}{name.upper()}" for name in Configuration.model_fields}
SETTINGS |= {f"{PREFIX}{name.upper()}_FILE" for name in FROM_FILES}
OURS = ("web", "runner", "qcluster")


def services(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text())["services"])


@pytest.mark.parametrize("name", ["compose.yaml", "stack.yaml"])
def test_each_variable_is_a_setting_and_no_secret_is_in_the_environment(name: str) -> None:
    for service in services(name).values():
        for variable, value in service["environment"].items() if "environment" in service else ():
            assert variable in SETTINGS or variable.startswith("POSTGRES_")
            if variable.endswith(("PASSWORD", "KEY", "TOKEN")):
                raise AssertionError(f"{variable} of {name} is {value}")


@pytest.mark.parametrize("name", ["compose.yaml", "stack.yaml"])
def test_nothing_has_more_rights_than_it_needs(name: str) -> None:
    for process, service in services(name).items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), process
        mounts = str(service.get("volumes", ""))
        assert ("docker.sock" in mounts) == (process == "runner"), "the engine's socket is the runner's alone"
        assert ("ports" in service) == (process == "web"), "only the web's port is published"


def test_what_may_run_twice_starts_before_the_old_one_ends_and_what_may_not_does_not() -> None:
    for process, service in services("stack.yaml").items():
        update = service["deploy"]["update_config"]
        assert update["order"] == ("start-first" if process in OURS else "stop-first")
        assert update["failure_action"] == "rollback"


def test_the_base_of_the_image_can_be_another() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=python:3\.11-", text, re.MULTILINE)
    assert "# syntax=" not in text, "it would have to be pulled"


def test_the_example_declares_each_process_and_the_web_first() -> None:
    place = ROOT / "docs" / "examples" / "own-deployer" / "own_flavour.py"
    spec = spec_from_file_location("own_flavour", place)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    validate.check(module.flavour, declarations.offers(), place=str(place))
    [target] = module.flavour.repositories[0].recipes[0].targets
    assert [service.name for service in target.services] == ["deployer_web", "deployer_qcluster", "deployer_runner"]
    assert target.rollout == "in-order"
    assert set(OURS) < set(services("stack.yaml"))
