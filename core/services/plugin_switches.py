"""Disabling plugins while everything runs, and enabling them again."""

from __future__ import annotations

import time

from django.contrib.auth.models import User
from django.db import transaction

from core import clock
from core.errors import ConfigurationError, RefusedError
from core.models import PluginSwitch
from core.pipeline.validate import unknown
from core.plugins import plugins
from core.services import activities, hints

#: Seconds for which a process believes what it knows of the switches.
_FRESH = 1.0
_read_at = -_FRESH


def refresh(*, now: bool = False) -> None:
    """Have this process know which plugins are disabled. Cheap: it looks once a second at most, unless asked for now."""
    global _read_at  # noqa: PLW0603  one for the process
    if not now and time.monotonic() - _read_at < _FRESH:
        return
    rows = PluginSwitch.objects.exclude(disabled_at=None).select_related("disabled_by")
    plugins.switched_off = {row.plugin: row.sentence for row in rows}
    _read_at = time.monotonic()


@transaction.atomic
def disable(plugin: str, user: User | None, *, reason: str) -> PluginSwitch:
    """Have nothing of a plugin used from now on. What it has in hand is not ended.

    :param user: None for the deployer itself.
    :raises ConfigurationError: there is no such plugin.
    :raises RefusedError: it is disabled already, or no reason is given.
    """
    if not reason:
        raise RefusedError("say why: everybody whose work waits will read it")
    row = _locked(plugin)
    if row.disabled_at is not None:
        raise RefusedError(f"{row.sentence}.")
    row.disabled_at, row.disabled_by, row.reason = clock.now(), user, reason
    row.save()
    activities.record(user, "disabled", row, reason=reason)
    _changed()
    return row


@transaction.atomic
def enable(plugin: str, user: User, *, reason: str = "") -> PluginSwitch:
    """Use a plugin again; what waits for it goes on.

    :raises ConfigurationError: there is no such plugin.
    :raises RefusedError: it is not disabled, or by the environment.
    """
    if plugin in plugins.disabled:
        raise RefusedError(f"plugin {plugin} is left out by DEPLOYER_DISABLED_PLUGINS: take it out there, and restart")
    row = _locked(plugin)
    if row.disabled_at is None:
        raise RefusedError(f"plugin {plugin} is not disabled")
    row.disabled_at, row.disabled_by, row.reason = None, None, ""
    row.save()
    activities.record(user, "enabled", row, reason=reason)
    _changed()
    return row


def _locked(plugin: str) -> PluginSwitch:
    known = [info.name for info in plugins.infos()]
    if plugin not in known:
        raise ConfigurationError(f"plugin {unknown(plugin, known)}")
    PluginSwitch.objects.get_or_create(plugin=plugin)
    return PluginSwitch.objects.select_for_update(no_key=True).get(plugin=plugin)


def _changed() -> None:
    hints.changed()
    transaction.on_commit(lambda: refresh(now=True))
