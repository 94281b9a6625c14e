"""What commands say when the database cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import OperationalError, ProgrammingError

from core import configuration


@contextmanager
def needed() -> Iterator[None]:
    """Say in one sentence that the database does not answer, or has no tables yet.

    :raises CommandError: instead of what the database raised.
    """
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        said = configuration.without_password(str(error).strip().partition("\n")[0])
        if isinstance(error, ProgrammingError) or "no such" in said:
            raise CommandError(f"the database cannot be used: {said}; was `manage.py migrate` run?") from error
        url = configuration.without_password(configuration.current().database_url)
        where = f"DEPLOYER_DATABASE_URL (it is {url!r})" if url else "the data directory, DEPLOYER_DATA_DIR"
        raise CommandError(f"the database cannot be used: {said}. See whether it is up, and to {where}") from error
