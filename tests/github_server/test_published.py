"""What GitHub publishes is fetched once; where it cannot be, tests are left out, or fail if every service is required."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.github_server import published


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without npm that has fetched nothing yet."""
    monkeypatch.setenv("DEPLOYER_TEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DEPLOYER_REQUIRE_SERVICES", raising=False)


@pytest.mark.usefixtures("nothing")
def test_without_npm_a_test_is_left_out() -> None:
    with pytest.raises(pytest.skip.Exception, match="npm is not installed"):
        published.webhooks.__wrapped__()


@pytest.mark.usefixtures("nothing")
def test_without_npm_a_test_fails_where_every_service_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="npm is not installed"):
        published.webhooks.__wrapped__()


def test_examples_are_copies(tmp_path: Path) -> None:
    published.examples("push")[0]["repository"]["name"] = "changed"
    assert published.examples("push")[0]["repository"]["name"] != "changed"
