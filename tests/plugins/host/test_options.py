"""What is declared wrongly is told when it is read."""

import pytest
from pydantic import ValidationError

from plugins.host.options import BuilderOptions, DeployerOptions


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        pytest.param({}, "Field required", id="no command"),
        pytest.param({"command": []}, "at least 1 item", id="an empty command"),
        pytest.param({"command": ["-x"]}, "its first word is the program", id="an option for a program"),
        pytest.param({"command": ["a", "b\0"]}, "NUL", id="a NUL"),
        pytest.param({"command": ["make"], "output": "../.."}, "relative and without", id="out of the checkout"),
        pytest.param({"command": ["make"], "output": "/etc"}, "relative and without", id="an absolute output"),
        pytest.param({"command": ["make"], "tools": ["opt"]}, "full path", id="a relative tool"),
        pytest.param({"command": ["make"], "tools": ["/"]}, "not the root", id="everything as a tool"),
        pytest.param({"command": ["make"], "env": {"A B": "c"}}, "'A B' cannot be", id="no variable"),
        pytest.param({"command": ["make"], "sandbox": "maybe"}, "'auto', 'required' or 'off'", id="no such sandbox"),
    ],
)
def test_a_build(given, fault) -> None:
    with pytest.raises(ValidationError, match=fault):
        BuilderOptions.model_validate(given)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        pytest.param({"command": ["a"], "activate": ["b"]}, "one of them", id="two ways of running"),
        pytest.param({"command": ["a", "{port}"]}, "`port` has to be set", id="a port that is not set"),
        pytest.param({"health": "http://127.0.0.1:{port}/"}, "`port` has to be set", id="a port in the health check"),
        pytest.param({"health": "https://127.0.0.1/"}, "http address", id="https"),
        pytest.param({"health": "http://127.0.0.1/ x"}, "http address", id="a space"),
        pytest.param({"health": "http://127.0.0.1:port/"}, "Port could not", id="a word for a port"),
        pytest.param({"command": ["a"], "trial": True}, "`trial` needs", id="nothing to try"),
        pytest.param({"port": 0}, "greater than or equal", id="port 0"),
        pytest.param({"keep": 0}, "greater than or equal", id="keep none"),
        pytest.param({"directory": "srv/hello"}, "full path", id="a relative directory"),
        pytest.param({"directory": "/srv/../etc"}, "full path", id="a directory with dots"),
    ],
)
def test_a_service(given, fault) -> None:
    with pytest.raises(ValidationError, match=fault):
        DeployerOptions.model_validate(given)


@pytest.mark.parametrize(
    ("given", "tried"),
    [
        pytest.param({}, False, id="files"),
        pytest.param({"command": ["a"], "port": 1}, False, id="no health check"),
        pytest.param({"command": ["a"], "port": 1, "health": "http://127.0.0.1:{port}/"}, True, id="all of it"),
        pytest.param({"command": ["a"], "port": 1, "health": "http://127.0.0.1:1/"}, False, id="a fixed address"),
        pytest.param(
            {"command": ["a"], "port": 1, "health": "http://127.0.0.1:{port}/", "trial": False}, False, id="not wanted"
        ),
    ],
)
def test_a_release_is_tried_whenever_it_can_be(given, tried) -> None:
    assert DeployerOptions.model_validate(given).has_trial is tried
