"""`manage.py plugins`."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.plugins import plugins

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, output: StringIO | None = None) -> str:
    output = output or StringIO()
    call_command("plugins", *arguments, stdout=output)
    return output.getvalue()


@pytest.fixture
def broken(monkeypatch):
    monkeypatch.setitem(plugins.broken, "rusty", "ImportError: no [module] named iron")


def test_each_plugin_has_a_line_with_what_it_offers(dummy):
    lines = run().splitlines()
    assert "git\tdeployer\t0.1.0\tsources: git; inputs: git_head\tok" in lines
    assert any(line.startswith("dummy\t\t\tsources: dummy; ") for line in lines)
    assert "Flavours: demo, mirage, ocaml_org, tarides" in lines


def test_a_terminal_gets_a_table():
    printed = re.sub(r"\x1b\[[0-9;]*m", "", run(output=Terminal()))
    assert printed.splitlines()[0].split() == ["plugin", "distribution", "version", "offers", "state"]
    assert "\t" not in printed


def test_scripts_get_json(dummy):
    told = json.loads(run("--json"))
    found = {each["name"]: each for each in told["plugins"]}
    assert found["git"]["offers"] == {"sources": ["git"], "inputs": ["git_head"]}
    assert (found["dummy"]["state"], found["git"]["distribution"]) == ("ok", "deployer")
    assert "demo" in told["flavours"]


@pytest.mark.parametrize("output", [StringIO(), Terminal()])
def test_a_broken_plugin_is_listed_with_the_reason_and_the_command_fails(broken, output):
    with pytest.raises(CommandError, match="broken: rusty") as raised:
        run(output=output)
    assert raised.value.returncode == 1
    words = " ".join(output.getvalue().split())
    assert "broken: ImportError: no" in words
    # What a plugin says is never read as markup of the terminal.
    assert "[module]" in words


def test_a_disabled_plugin_is_listed_as_such(monkeypatch):
    monkeypatch.setattr(plugins, "disabled", frozenset({"git"}))
    assert any(line.startswith("git\t") and line.endswith("\tdisabled") for line in run().splitlines())
