"""No secret is in what is kept or shown: logs, reasons, errors, messages, pages; whatever form it takes on its way."""

from __future__ import annotations

import json
import logging
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core import journal, secrets
from core.engine import looks
from core.engine.worker import Worker
from core.errors import OperationError, Stalled
from core.logs.redact import MARK, Redactor
from core.logs.store import LogStore
from core.models import Job, Message, Service
from core.services import heads, messages, observations
from core.setting_checks import secrets_can_be_hidden
from core.states import Health, JobState
from core.values import Observation
from tests import factories

#: One that each way of writing it down writes in its own way.
VALUE = 'hunter2/"correct horse"+é=&'


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: Any) -> None:
    monkeypatch.setattr(secrets, "_known", set())


@pytest.fixture
def known(monkeypatch: Any) -> str:
    monkeypatch.setenv("DEPLOYER_SECRET_TEST_TOKEN", VALUE)
    assert secrets.secret("test_token") == VALUE
    return VALUE


FORMS: dict[str, Callable[[str], bytes]] = {
    "itself": str.encode,
    "a part of an address": lambda value: quote(value, safe="").encode(),
    "a path": lambda value: quote(value).encode(),
    "a form": lambda value: quote_plus(value).encode(),
    "JSON": lambda value: json.dumps(value)[1:-1].encode(),
    "base64": lambda value: b64encode(value.encode()),
    "basic authentication": lambda value: b64encode(b"user:" + value.encode()),
}

letters = st.characters(
    min_codepoint=33, max_codepoint=0x24F, exclude_characters="[]redacted", exclude_categories=["Cs"]
)
values = st.text(letters, min_size=12, max_size=40)


@given(values, st.sampled_from(sorted(FORMS)), st.binary(max_size=30), st.lists(st.integers(0, 200), max_size=6))
def test_no_form_of_a_secret_passes_in_any_pieces(value: str, form: str, around: bytes, cuts: list[int]) -> None:
    written = FORMS[form](value)
    text = around + b"\n" + written + b"\n" + around
    stream, shown, at = Redactor(), b"", 0
    stream.add(value)
    for cut in [*sorted(min(each, len(text)) for each in cuts), len(text)]:
        shown, at = shown + stream.feed(text[at:cut]), cut
    shown += stream.flush()
    assert written not in shown
    assert MARK in shown


@given(st.lists(values, min_size=2, max_size=4), st.integers(1, 7))
def test_each_line_of_a_secret_of_several_is_hidden(lines: list[str], width: int) -> None:
    stream = Redactor()
    stream.add("\n".join(lines))
    text = "".join(f"#5 0.1 {line}\n" for line in lines).encode()
    shown = b"".join(stream.feed(text[at : at + width]) for at in range(0, len(text), width)) + stream.flush()
    assert not [line for line in lines if line.encode() in shown]


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_job_does_not_log_what_the_process_knows_though_no_plugin_names_it(
    form: str, known: str, tmp_path: Path
) -> None:
    store = LogStore(tmp_path)
    log = store.open("a.log")
    written = FORMS[form](known)
    log.write(b"before " + written[:5])
    log.write(written[5:] + b" after\n")
    log.note(f"says {written.decode()}")
    log.close()
    text = store.read("a.log", 0, 10_000)
    assert written not in text
    assert text.count(MARK) >= 2


def test_a_secret_that_is_read_while_a_job_runs_is_hidden_from_then_on(monkeypatch: Any, tmp_path: Path) -> None:
    log = LogStore(tmp_path).open("a.log")
    log.write(b"nothing yet\n")
    monkeypatch.setenv("DEPLOYER_SECRET_LATER", "sesame-open-yourself")
    secrets.secret("later")
    log.write(b"sesame-open-")
    log.write(b"yourself\n")
    log.close()
    assert b"sesame" not in LogStore(tmp_path).read("a.log", 0, 1000)


class _Operation:
    """What a plugin does that says too much when it fails."""

    timeout, limit = 60.0, "x"

    def __init__(self, error: Exception, own: str, data: Path) -> None:
        self._error, self._own, self.data = error, own, data

    async def run(self, context: Any) -> str:
        context.log.redact(self._own)
        context.waits(f"for {self._own}")
        raise self._error


@pytest.mark.parametrize("kind", [OperationError, Stalled, RuntimeError])
async def test_neither_log_nor_reason_nor_traceback_of_a_failed_job_has_it(
    kind: type[Exception], known: str, tmp_path: Path, settings: Any, monkeypatch: Any
) -> None:
    from core.engine import execute

    own, said = "named-by-the-plugin", []
    row = Job(pk=7, kind="build", title="a build", log="a.log", attempts=9, exclusive="x")

    async def load(key: int) -> Any:
        return row, _Operation(kind(f"refused: {known} {own}"), own, tmp_path)

    async def nothing(store: Any, name: str) -> None:
        return None

    monkeypatch.setattr(execute, "load", load)
    monkeypatch.setattr("core.engine.diagnosis.of_log", nothing)
    worker = Worker(settings.DEPLOYER, "r", lambda job: None, says=lambda job, reason: said.append(reason))
    verdict = await worker.attempt(row)
    log = LogStore(settings.DEPLOYER.logs_dir).read("a.log", 0, 100_000).decode()
    assert verdict.state is JobState.FAILED
    for text in (verdict.reason, log, *said):
        assert "hunter2" not in text
        assert own not in text
        assert "[redacted]" in text


@pytest.mark.django_db
def test_no_row_keeps_it_and_so_no_page_and_no_operation_of_the_api_shows_it(known: str) -> None:
    now, error = timezone.now(), OperationError(f"https://user:{known}@host refused")
    service = factories.make_service()
    repository = service.target.recipe.repository
    heads.record_failure(repository, looks.said(error), now)
    messages.failed(factories.make_message(), looks.said(error), now)
    seen = Observation(digest=None, health=Health.UNHEALTHY, detail=f"it says {known}", drift=f"env {known}")
    observations.record(service, seen, now)
    for text in (Message.objects.get().error, Service.objects.get().observed_detail):
        assert "[redacted]" in text
    for path in (
        "/",
        f"/services/{service.pk}/",
        f"/repositories/{repository.pk}/",
        "/api/services",
        "/api/repositories",
    ):
        assert "hunter2" not in Client().get(path).content.decode(), path


def test_no_message_of_a_process_has_it_and_text_from_outside_begins_no_line_of_its_own(known: str) -> None:
    try:
        raise RuntimeError(f"refused {known}\n2026-01-01 00:00:00,000 INFO core: all is well\x1b[2J")
    except RuntimeError as error:
        made = logging.getLogger("x").makeRecord(
            "x", logging.ERROR, "f", 1, "GET %s", ("/a\n2026-01-01 INFO fake\u202e",), (type(error), error, None)
        )
    text = journal.TextFormatter("{asctime} {message}", style="{").format(made)
    assert "hunter2" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    first, *others = text.split("\n")
    assert "GET /a" in first
    assert all(line.startswith("    ") for line in others)
    assert "hunter2" not in journal.JsonFormatter().format(made)


@pytest.mark.parametrize(("value", "warned"), [("short", True), ("long-enough", False), ("", False)])
def test_whoever_sets_a_secret_that_is_too_short_to_be_hidden_is_told(
    value: str, warned: bool, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK", value)
    said = [each.msg for each in secrets_can_be_hidden() if "SLACK" in each.msg]
    assert bool(said) == warned
    assert value == "" or value not in "".join(said)


def test_many_threads_that_write_one_log_show_nothing(known: str, tmp_path: Path) -> None:
    log = LogStore(tmp_path).open("a.log")
    threads = [threading.Thread(target=lambda: [log.write(f"{known}\n".encode()) for _ in range(50)]) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    log.close()
    assert b"hunter2" not in LogStore(tmp_path).read("a.log", 0, 100_000)
