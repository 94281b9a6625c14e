"""What holds of the three flavours besides the facts that they were taken from."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from containers.names import ImageName
from core import flavour_files
from core.api import Flavour
from core.pipeline import validate
from core.services.declarations import offers

ROOT = Path(__file__).parents[2]
NAMES = ("mirage", "ocaml_org", "tarides")
STAGING = "ocurrentbuilder/staging"


@pytest.fixture(params=NAMES)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return flavour_files.load(request.param)


def test_a_flavour_goes_by_the_name_of_its_entry_point_and_of_its_file(flavour: Flavour) -> None:
    assert flavour_files.origin(flavour.name) == f"flavours/{flavour.name}.py"
    assert flavour.title


def test_a_flavour_has_no_fault_with_the_plugins_that_there_are(flavour: Flavour) -> None:
    assert list(validate.faults_of(flavour, offers())) == []


def test_workers_push_to_the_staging_repository_and_no_two_targets_are_published_as_one(flavour: Flavour) -> None:
    images = []
    for recipe in (recipe for repository in flavour.repositories for recipe in repository.recipes):
        assert recipe.builder.kind != "ocluster" or recipe.builder.options["staging"] == STAGING
        for target in recipe.targets:
            images.append(target.image)
            # What is staged of a unikernel is its release.
            staged = ImageName.parse(target.image).repository == STAGING
            assert staged == (recipe.builder.kind == "mirage"), target.image
    assert len(images) == len(set(images))


def test_deployments_are_told_in_slack(flavour: Flavour) -> None:
    assert [use.kind for use in flavour.notifiers] == ["slack"]


def test_only_opam2web_follows_inputs_and_it_uses_each(flavour: Flavour) -> None:
    following = [recipe for repository in flavour.repositories for recipe in repository.recipes if recipe.args]
    assert [recipe.name for recipe in following] == (["opam2web"] if flavour.name == "ocaml_org" else [])
    assert {value.name for recipe in following for value in recipe.args.values()} == {i.name for i in flavour.inputs}


@pytest.mark.parametrize("name", [*NAMES, "words"])
def test_a_flavour_is_data_and_not_code(name: str) -> None:
    """Assignments, and functions that answer one expression: nothing to follow with a finger."""
    body = ast.parse((ROOT / "flavours" / f"{name}.py").read_text()).body
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.Expr)
    assert [type(node).__name__ for node in body if not isinstance(node, allowed)] == []
    for function in (node for node in body if isinstance(node, ast.FunctionDef)):
        *before, last = function.body
        assert isinstance(last, ast.Return), function.name
        assert all(isinstance(node, (ast.Assign, ast.Expr)) for node in before), function.name
