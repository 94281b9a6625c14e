"""The processes' own messages, as JSON and as lines."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from core import journal, secrets


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: Any) -> None:
    monkeypatch.setattr(secrets, "_known", set())


def record(message: str, *arguments: object, error: bool = False, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("core.tests").makeRecord(
        "core.tests", logging.WARNING, "f", 1, message, arguments, sys.exc_info() if error else None, extra=extra
    )
    assert isinstance(made, logging.LogRecord)
    return made


def told(made: logging.LogRecord) -> dict[str, Any]:
    line = journal.JsonFormatter().format(made)
    assert "\n" not in line
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def test_a_message_says_what_it_is_about() -> None:
    with journal.about(request="r1"), journal.about(job=12, flavour="acme"):
        found = told(record("%s went wrong", "it"))
    assert found["message"] == "it went wrong"
    assert (found["level"], found["logger"]) == ("WARNING", "core.tests")
    assert (found["job"], found["flavour"], found["request"]) == (12, "acme", "r1")
    assert "job" not in told(record("later"))


def test_an_exception_is_fields_of_the_same_line() -> None:
    try:
        raise ValueError("no\nsuch thing")
    except ValueError:
        found = told(record("it failed", error=True))
    assert found["exception"] == "ValueError: no\nsuch thing"
    assert "Traceback" in found["traceback"]


def test_secrets_are_replaced_wherever_they_stand(monkeypatch: Any) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_TEST_TOKEN", 'hunter"2 hunter')
    secrets.secret("test_token")
    with journal.about(path='/x?token=hunter"2 hunter'):
        try:
            raise RuntimeError('refused: hunter"2 hunter')
        except RuntimeError:
            made = record("with %s", 'hunter"2 hunter', error=True, fields={"user": 'hunter"2 hunter'})
            assert "hunter" not in json.dumps(told(made))
            line = journal.TextFormatter("{message}", style="{").format(made)
    assert "hunter" not in line
    assert "with [redacted]" in line


def test_requests_are_told_of_with_their_number(client: Any, caplog: Any, db: None) -> None:
    with caplog.at_level(logging.INFO, journal.ACCESS):
        answer = client.get("/healthz", headers={"X-Request-Id": "from-the-proxy"})
        odd = client.get("/healthz", headers={"X-Request-Id": "no\tnumber"})
    assert answer["X-Request-Id"] == "from-the-proxy"
    assert odd["X-Request-Id"] != "no\tnumber"
    fields = caplog.records[0].fields
    assert (fields["route"], fields["status"], fields["method"]) == ("healthz", 200, "GET")
