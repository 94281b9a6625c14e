"""The fixtures that plugins' own tests have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from core.api import secret
from tests.e2e.harness import ROOT

_TEST = """
from core.api import secret, secret_file

def test_one(secrets, tmp_path):
    secrets("my_token", "s3cret")
    assert secret("my_token") == "s3cret"
    assert secret("other") is None
    assert str(tmp_path) in secret_file("other")

def test_another(secrets):
    assert secret("my_token") is None
"""


def test_secrets_are_those_of_one_test(secrets: Callable[[str, str], None]) -> None:
    secrets("my_token", "s3cret")
    assert secret("my_token") == "s3cret"
    assert secret("other") is None


def test_a_package_without_django_settings_can_be_tested_with_secrets(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(_TEST)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    # What the environment has is not the test's.
    environment |= {"DEPLOYER_SECRET_OTHER": "of the shell", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_mine.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
