"""System checks of an installation, run at each start and by `manage.py check`. Quick, and none of them ever fails itself.

    deployer.E001  a plugin is broken (only with `check --deploy`; deployer.W002 otherwise)
    deployer.E002  nothing can be written to the data directory
    deployer.W001  no plugin was found at all
    deployer.W002  a plugin is broken
    deployer.W003  a flavour cannot be loaded, or is wrong
    deployer.W004  something was declared of a kind that no plugin offers (only with `check --database`, and `migrate`)
    deployer.W005  several hosts are configured, with a database that only one of them reaches

An error would stop every command, and with it what has nothing to do with its cause: one broken plugin or flavour is a
warning.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, register
from django.db import DatabaseError
from django.db.models import Model

from core import configuration, flavour_files
from core.errors import ConfigurationError, DeclarationError
from core.models import Input, Recipe, Repository, Service
from core.pipeline import validate
from core.plugins import plugins
from core.services import declarations

_INSTALL = "Install the deployer so that its entry points are found: `pip install -e .` in its directory."


@register("deployer")
def plugins_are_found(**_: Any) -> list[CheckMessage]:
    """W001."""
    if plugins.infos():
        return []
    return [checks.Warning("No plugin was found: nothing can be built or deployed.", hint=_INSTALL, id="deployer.W001")]


@register("deployer")
def plugins_work(**_: Any) -> list[CheckMessage]:
    """W002."""
    return [checks.Warning(said, hint=hint, id="deployer.W002") for said, hint in _broken()]


@register("deployer", deploy=True)
def plugins_work_where_it_matters(**_: Any) -> list[CheckMessage]:
    """E001."""
    return [checks.Error(said, hint=hint, id="deployer.E001") for said, hint in _broken()]


def _broken() -> Iterator[tuple[str, str]]:
    for info in plugins.infos():
        if info.error:
            where = f" of {info.distribution} {info.version}" if info.distribution else ""
            yield (
                f"Plugin {info.name}{where} is broken: {info.error}",
                f"Mend or upgrade it, or go on without it: DEPLOYER_DISABLED_PLUGINS={info.name}",
            )


@register("deployer")
def flavours_are_right(**_: Any) -> list[CheckMessage]:
    """W003."""
    return [
        checks.Warning(
            fault, hint=f"`run_pipeline --flavour {name}` refuses it until this is mended.", id="deployer.W003"
        )
        for name in flavour_files.names()
        for fault in _faults(name)
    ]


def _faults(name: str) -> tuple[str, ...]:
    try:
        validate.check(flavour_files.load(name), declarations.offers(), place=flavour_files.origin(name))
    except DeclarationError as error:
        return error.faults
    except ConfigurationError as error:
        return (str(error),)
    # A flavour is a file of somebody else's, and so is a plugin that is asked about its options.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        return (f"flavour {name!r} cannot be checked: {type(error).__name__}: {error}",)
    return ()


@register("deployer", checks.Tags.database)
def kinds_are_offered(databases: Collection[str] | None = None, **_: Any) -> list[CheckMessage]:
    """W004."""
    if not databases:
        return []
    try:
        return list(_orphans())
    except DatabaseError:
        # Before the first `migrate` there are no tables, and nothing that could be of an unknown kind.
        return []


def _orphans() -> Iterator[CheckMessage]:
    offers = declarations.offers()
    places: tuple[tuple[type[Model], str, Collection[str]], ...] = (
        (Repository, "source", offers.sources),
        (Recipe, "builder", offers.builders),
        (Service, "deployer", offers.deployers),
        (Input, "reader", offers.inputs),
    )
    for model, field, kinds in places:
        rows = model._default_manager.filter(retired_at=None).exclude(**{f"{field}__in": list(kinds)})
        for kind in sorted(set(rows.order_by().values_list(field, flat=True))):
            names = sorted(map(str, rows.filter(**{field: kind})[:4]))
            yield checks.Warning(
                f"No plugin offers the {field} {kind!r} of {', '.join(names[:3])}{' …' if names[3:] else ''}.",
                hint="Install or mend the plugin that offers it (`manage.py plugins`), or retire what needs it.",
                id="deployer.W004",
            )


@register("deployer")
def data_directory_is_writable(**_: Any) -> list[CheckMessage]:
    """E002."""
    directory = configuration.current().data_dir
    try:
        # A file that never has a name. What does not exist yet is made in what does.
        with tempfile.TemporaryFile(dir=_existing(directory)):
            return []
    except OSError as error:
        said = f"Nothing can be written to the data directory {directory}: {error.strerror}."
        hint = "Let the deployer's user write there, or set DEPLOYER_DATA_DIR to another directory."
        return [checks.Error(said, hint=hint, id="deployer.E002")]


def _existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.exists())


@register("deployer")
def hosts_share_a_database(**_: Any) -> list[CheckMessage]:
    """W005."""
    current = configuration.current()
    if not current.redis_url or "sqlite" not in current.database()["ENGINE"]:
        return []
    said = "DEPLOYER_REDIS_URL is set, which several hosts need, but SQLite is a file of this host."
    hint = "Set DEPLOYER_DATABASE_URL to a PostgreSQL server, or leave out DEPLOYER_REDIS_URL on a single host."
    return [checks.Warning(said, hint=hint, id="deployer.W005")]
