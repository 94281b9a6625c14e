"""The tree of errors: as drawn, and as plugins see it."""

from __future__ import annotations

import inspect
import re

import pytest

from core import api, errors
from core.errors import CommandFailed, DeclarationError, DeployerError, DeploymentFailed, Stalled, Waiting

CLASSES = {
    name: each for name, each in vars(errors).items() if inspect.isclass(each) and each.__module__ == "core.errors"
}
_LINE = re.compile(r"^    (?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)", re.MULTILINE)


def drawn() -> dict[str, str | None]:
    """The parent of each class in the drawing at the head of the module; four columns are one step down."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in _LINE.finditer(errors.__doc__ or ""):
        depth = len(line["indent"]) // 4
        above[depth:] = [line["name"]]
        parents[line["name"]] = above[depth - 1] if depth else None
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {name: None if each is DeployerError else each.__bases__[0].__name__ for name, each in CLASSES.items()}
    assert drawn() == real


@pytest.mark.parametrize("name", CLASSES)
def test_plugins_can_raise_and_catch_every_error(name: str) -> None:
    assert getattr(api, name) is CLASSES[name]
    assert name in api.__all__


@pytest.mark.parametrize("each", CLASSES.values(), ids=CLASSES)
def test_every_error_says_what_it_means(each: type[Exception]) -> None:
    assert each.__doc__
    assert each.__doc__.partition("\n")[0].endswith(".")


# What they carry


@pytest.mark.parametrize(
    ("error", "text"),
    [
        pytest.param(CommandFailed("make", 2), "make exited with status 2", id="it exited"),
        pytest.param(CommandFailed("make", -9), "make was ended by signal 9", id="it was killed"),
        pytest.param(
            CommandFailed("git", 128, "fatal: no such ref"),
            "git exited with status 128: fatal: no such ref",
            id="it said why",
        ),
    ],
)
def test_how_a_command_ended_is_told(error: CommandFailed, text: str) -> None:
    assert str(error) == text


def test_a_command_that_failed_is_not_tried_again() -> None:
    assert isinstance(CommandFailed("make", 2), Stalled)
    assert CommandFailed("make", 2).status == 2


def test_a_failed_deployment_says_what_runs() -> None:
    assert DeploymentFailed("it is not healthy", running="sha256:0").running == "sha256:0"
    assert DeploymentFailed("it is not there").running is None


def test_what_waits_says_when_to_look_again() -> None:
    error = Waiting("the registry is busy", retry_in=30)
    assert (str(error), error.retry_in) == ("the registry is busy", 30)


def test_all_faults_of_a_declaration_are_told_at_once() -> None:
    error = DeclarationError(["a.py: one", "a.py: two"])
    assert (str(error), error.faults) == ("a.py: one\na.py: two", ("a.py: one", "a.py: two"))
