"""What people did is kept by the database itself: triggers refuse to change or delete a row of what was recorded.

They hold for every process that writes, whatever it runs: the admin, a plugin, a shell. Whoever owns the tables can take
them off; that much is said in `docs/explanation/security.md`. They are set after each `migrate`, and not by a migration:
SQLite loses a table's triggers when a later migration alters the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from core.errors import RefusedError
from core.models import Activity
from core.services import activities

#: Tables whose rows are written once: what people did, and Django's own record of edits in the admin.
KEPT = ("core_activity", "django_admin_log")
_may_forget: ContextVar[bool] = ContextVar("deployer_may_forget", default=False)

_FUNCTION = """
create or replace function deployer_keep() returns trigger language plpgsql as $body$
begin
    if coalesce(current_setting('deployer.may_forget', true), '') <> 'yes' then
        raise exception '%: what was recorded is never changed', tg_table_name
            using errcode = 'integrity_constraint_violation';
    end if;
    if tg_op = 'DELETE' then return old; end if;
    return new;
end $body$
"""


def install(using: str = "default", **_: Any) -> None:
    """Set the triggers on those of the tables that there are (`post_migrate`)."""
    if using != "default":
        return
    there = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _install_on_postgresql(cursor, there)
        for table in KEPT if connection.vendor == "sqlite" else ():
            for verb in ("update", "delete") if table in there else ():
                cursor.execute(
                    f"create trigger if not exists {table}_kept_{verb} before {verb} on {table} "
                    "when not deployer_may_forget() begin "
                    f"select raise(abort, '{table}: what was recorded is never changed'); end"
                )


def _install_on_postgresql(cursor: Any, there: set[str]) -> None:
    cursor.execute(
        "select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid where t.tgname = 'deployer_kept'"
    )
    kept = {name for (name,) in cursor.fetchall()}
    missing = [table for table in KEPT if table in there - kept]
    if missing:
        cursor.execute(_FUNCTION)
    for table in missing:
        cursor.execute(
            f"create trigger deployer_kept before update or delete on {table} for each row execute function deployer_keep()"
        )


def connected(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Tell SQLite what its triggers ask (`connection_created`). Where nobody tells, they refuse."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("deployer_may_forget", 0, _may_forget.get)


@contextmanager
def forgetting() -> Iterator[None]:
    """Let rows be deleted until the end of the block, in one transaction: the one way around the triggers."""
    token = _may_forget.set(True)
    try:
        with transaction.atomic():
            _tell_postgresql("yes")
            yield
            _tell_postgresql("no")
    finally:
        _may_forget.reset(token)


def _tell_postgresql(word: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("select set_config('deployer.may_forget', %s, true)", [word])


def forget_before(end: datetime, user: User, *, reason: str) -> int:
    """Forget what was done before a time, and record that; answer how many activities those were.

    :raises RefusedError: no reason was given.
    """
    if not reason.strip():
        raise RefusedError("say why they are forgotten: it is recorded")
    with forgetting():
        # Past the model's own refusal, which is for everything else.
        rows: QuerySet[Activity] = QuerySet(Activity).filter(at__lt=end)
        count = rows.count()
        rows._raw_delete(rows.db)
        activities.record(
            user, "forgot activities of", user, reason=f"{count} from before {end:%Y-%m-%d %H:%M} UTC: {reason}"
        )
    return count
