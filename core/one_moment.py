"""Several questions to the database, answered as of one moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import connection, transaction


@contextlib.contextmanager
def one_moment() -> Iterator[None]:
    """Have everything that is read inside belong together, whatever other processes write meanwhile. Write nothing.

    Inside another transaction it is as much of one moment as that one is.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        # SQLite's transactions are of one moment anyhow.
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
        yield
