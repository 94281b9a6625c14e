"""What commands say when the database cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError


@contextmanager
def needed() -> Iterator[None]:
    """Say in one sentence that the database does not answer, or has no tables yet.

    :raises CommandError: instead of what the database raised.
    """
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        said = str(error).strip().partition("\n")[0]
        raise CommandError(f"the database cannot be used: {said}; was `manage.py migrate` run?") from error
