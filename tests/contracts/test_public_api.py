"""What plugins and flavours may import, and that the vocabulary stands on its own."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from core import api, interfaces
from core.pipeline import declaration
from core.plugins import PluginConfig, Plugins
from core.states import Health, Level, Purpose, RefKind

ROOT = Path(__file__).parents[2]
PURE = [
    "core.errors",
    "core.hookspecs",
    "core.interfaces",
    "core.processes",
    "core.states",
    *(f"core.pipeline.{path.stem}" for path in sorted((ROOT / "core/pipeline").glob("[!_]*.py"))),
]


def classes(module: ModuleType) -> list[str]:
    """The names of the public classes that a module defines."""
    return [
        name
        for name, each in vars(module).items()
        if inspect.isclass(each) and each.__module__ == module.__name__ and not name.startswith("_")
    ]


def test_all_names_are_sorted_and_there_once() -> None:
    # As ruff sorts: constants, classes, functions.
    order = sorted(set(api.__all__), key=lambda name: (not name.isupper(), name[0].islower(), name))
    assert api.__all__ == order


def test_all_names_what_there_is_and_nothing_else() -> None:
    public = {name for name, each in vars(api).items() if not name.startswith("_") and not inspect.ismodule(each)}
    assert public == set(api.__all__)


@pytest.mark.parametrize("name", classes(interfaces))
def test_a_plugin_reaches_every_role_and_value(name: str) -> None:
    assert getattr(api, name) is getattr(interfaces, name)


@pytest.mark.parametrize("name", classes(declaration))
def test_a_flavour_reaches_the_whole_vocabulary(name: str) -> None:
    assert getattr(api, name) is getattr(declaration, name)


def test_a_plugin_reaches_the_states_that_its_values_are_made_of() -> None:
    assert (api.Health, api.Level, api.Purpose, api.RefKind) == (Health, Level, Purpose, RefKind)


@pytest.mark.parametrize("name", [name for name in api.__all__ if inspect.isroutine(getattr(api, name))])
def test_every_public_function_says_what_it_does(name: str) -> None:
    assert inspect.getdoc(getattr(api, name))


def loaded_by(*modules: str) -> set[str]:
    """The top-level packages that importing these loads in a fresh interpreter."""
    program = f"import {', '.join(modules)}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", PURE)
def test_the_vocabulary_and_the_pure_pipeline_need_no_django(module: str) -> None:
    assert not {"django", "channels", "django_q"} & loaded_by(module)


def test_a_flavour_can_be_read_without_configuring_django() -> None:
    program = (
        "from core.api import Flavour, Repository, Use;"
        "print(Flavour('x', [Repository('a/b', Use('git', url='u'))]).name);"
        "from django.conf import settings; print(settings.configured)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["x", "False"]


def test_the_version_of_the_api_is_two_numbers() -> None:
    assert re.fullmatch(r"[1-9]\d*\.\d+", api.API_VERSION)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ("1.2", "1.2", ""),
        ("1.2", "1.0", ""),
        ("1.2", "1.3", "it is written for plugin API 1.3, and this is 1.2: upgrade the deployer"),
        ("1.2", "2.0", "upgrade the deployer"),
        ("2.0", "1.9", "it is written for plugin API 1.9, and this is 2.0: upgrade the plugin"),
        ("1.10", "1.9", ""),
        ("1.2", "", "its api_version is '': it has to be like '1.2'"),
        ("1.2", 1, "its api_version is 1: it has to be like '1.2'"),
    ],
)
def test_a_plugin_for_another_api_is_not_loaded_and_says_what_to_upgrade(
    monkeypatch: pytest.MonkeyPatch, ours: str, theirs: object, said: str
) -> None:
    monkeypatch.setattr("core.plugins.API_VERSION", ours)
    found = Plugins()
    config = PluginConfig("plugins.slack", import_module("plugins.slack"))
    config.label, config.api_version = "slack", theirs
    found.load(config)
    assert said in found.broken.get("slack", "")
    assert ("slack" in found.kinds("notifiers")) is not bool(said)


def test_the_reference_names_all_that_is_public() -> None:
    told = (ROOT / "docs" / "reference" / "plugin-api.md").read_text()
    assert [name for name in api.__all__ if f"### {name}\n" not in told] == ["API_VERSION", "hookimpl"]
