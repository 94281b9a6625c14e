"""What all commands have in common."""

import subprocess
import sys
from pathlib import Path

from django.core.management import get_commands, load_command_class

from tests.e2e.harness import ROOT

#: The web shows the pages, and those of plugins may be broken: these may load them.
LOADS_PAGES = {"run_web", "plugins"}


def test_no_command_loads_the_pages_to_check_them() -> None:
    ours = [name for name, place in get_commands().items() if place == "core" and name not in LOADS_PAGES]
    assert len(ours) > 30
    others = {
        name for name in ours if load_command_class("core", name).requires_system_checks not in ((), ("deployer",))
    }
    assert not others


def test_a_wrong_setting_is_told_all_the_same(tmp_path: Path) -> None:
    words = [sys.executable, "manage.py", "status"]
    environment = {"DEPLOYER_LEASE_SECONDZ": "5", "DEPLOYER_DATA_DIR": str(tmp_path)}
    said = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert "(deployer.W006) DEPLOYER_LEASE_SECONDZ is set, and nothing reads it" in said.stderr


def test_who_reads_no_further_gets_no_traceback() -> None:
    words = [sys.executable, "manage.py", "plugins", "--json"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as command:
        assert command.stdout
        assert command.stderr
        command.stdout.close()
        said = command.stderr.read().decode()
    assert (command.returncode, said) == (141, "")
