"""`manage.py describe_services`."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

PRINTED = ("describe_services", "--flavour", "demo", "--output")


def test_it_prints_what_a_flavour_declares() -> None:
    out = StringIO()
    call_command(*PRINTED, "-", stdout=out)
    assert "service `hello`" in out.getvalue()


def test_a_file_that_is_not_current_is_told_and_written_and_then_current(tmp_path: Path) -> None:
    file = tmp_path / "services.md"
    with pytest.raises(CommandError, match=r"is not current: run `manage\.py describe_services`"):
        call_command(*PRINTED, str(file), "--check")
    assert not file.exists()
    call_command(*PRINTED, str(file), stdout=StringIO())
    call_command(*PRINTED, str(file), "--check")
    file.write_text(file.read_text() + "edited by hand\n")
    with pytest.raises(CommandError, match="not current"):
        call_command(*PRINTED, str(file), "--check")


def test_a_flavour_that_is_not_there_is_told() -> None:
    with pytest.raises(CommandError, match="nosuch"):
        call_command("describe_services", "--flavour", "nosuch", "--output", "-")
