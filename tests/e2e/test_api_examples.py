"""The examples of how-to/use-the-api.md do what they say, against a real web process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import migrated
from tests.e2e.harness import ROOT, free_port
from tests.real import required

SETUP = """
import django; django.setup()
from core.services import tokens
from core.states import TokenScope
from tests import factories
deployment = factories.make_deployment(service=factories.make_service("shop"))
factories.make_ref("live", commit=deployment.release.commit)
while factories.make_job(state="succeeded", log="12.log").pk < 12: pass
ann = factories.make_user("ann", is_superuser=True)
print(tokens.make(ann, "examples", list(TokenScope))[1])
"""


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A web process, and what a shell needs to use it."""
    required("curl", "curl")
    port, data = free_port(), tmp_path / "data"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
        "DEPLOYER_DATA_DIR": str(data),
        "PYTHONPATH": str(ROOT),
        "DEPLOYER": f"http://127.0.0.1:{port}",
    }
    manage = [sys.executable, "manage.py"]
    migrated.into(data)
    made = subprocess.run(
        [sys.executable, "-c", SETUP],
        env=environment,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=180,
    )
    web = subprocess.Popen([*manage, "run_web", "--port", str(port)], env=environment, cwd=ROOT)
    try:
        end = time.monotonic() + 180
        while subprocess.run(["curl", "-sf", f"{environment['DEPLOYER']}/healthz"], check=False).returncode:
            assert web.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        yield {**environment, "TOKEN": made.stdout.strip()}
    finally:
        web.terminate()
        web.wait(30)


def test_the_examples_work(environment: dict[str, str]) -> None:
    text = (ROOT / "docs/how-to/use-the-api.md").read_text()
    blocks = [block for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "export" not in block]
    blocks.append('curl -s -H "Authorization: Bearer $TOKEN" "$DEPLOYER/api/services"')
    # What is followed goes on for ever.
    shell = 'curl() { command curl --max-time 3 "$@"; }\n'
    said = [
        subprocess.run(
            ["bash", "-c", shell + each], env=environment, capture_output=True, text=True, timeout=30, check=False
        ).stdout
        for each in blocks
    ]
    reading, locking, redeploying, following, services = said
    assert reading.count('"items"') == 3
    assert '"page":"/services/1/"' in reading
    assert '"name":"refs/heads/live"' in reading
    assert '"reason":"we move it"' in locking
    assert '"kind":"deployment"' in redeploying
    assert '"state":"queued"' in redeploying
    assert "event: end" in following
    assert "event: activity" in following or "retry:" in following.split("event: end")[1]
    assert '"kind":"lock"' in services
