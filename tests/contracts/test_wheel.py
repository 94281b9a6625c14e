"""What is installed is whole: templates, static files, migrations, the sample."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.e2e.harness import ROOT

WANTED = {
    "core/management/skeletons/common/pyproject.toml",
    "core/management/skeletons/notifier/deployer_skeleton/notifier.py",
    "core/migrations/0001_initial.py",
    "core/py.typed",
    "core/web/static/deployer/log/main.js",
    "core/web/static/deployer/style.css",
    "core/web/templates/404.html",
    "core/web/templates/deployer/overview.html",
    "deployer_site/demo/sample/server.py",
    "flavours/demo.py",
    "plugins/git/source.py",
    "plugins/host/management/commands/host_services.py",
}


def test_the_wheel_has_everything_and_nothing_of_the_tests(tmp_path: Path) -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file():
            target = tmp_path / "tree" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(tmp_path), str(tmp_path / "tree")], check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("deployer-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= WANTED
    assert not [name for name in names if name.startswith(("tests/", "bench/"))]
