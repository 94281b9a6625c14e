"""Plugins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.http import Http404, HttpRequest
from ninja import Router, Schema

from core.errors import ConfigurationError
from core.models import PluginIncident
from core.queries import plugins as known
from core.rest.values import Reason, ReasonNeeded, admin_everywhere, signed_in
from core.services import plugin_switches

router = Router(tags=["plugins"])


class IncidentOut(Schema):
    """What a plugin did wrong: it `raised` what it may not, `hung`, or `blocked` the runner's event loop."""

    kind: str
    where: str
    detail: str
    count: int
    first_at: datetime
    last_at: datetime


class PluginOut(Schema):
    """A plugin: which kinds it offers in which role, and what is wrong with it if anything is.

    `disabled`: by the environment. `switched_off`: by whom and why it was disabled while everything runs; empty where it
    is used.
    """

    name: str
    distribution: str
    version: str
    offers: dict[str, Sequence[str]]
    error: str
    disabled: bool
    switched_off: str
    incidents: list[IncidentOut]


@router.get("", response=list[PluginOut], summary="The plugins that were found, by name")
def found(request: HttpRequest) -> list[PluginOut]:
    return [_told(each) for each in known.all_plugins()]


@router.post("/{slug:name}/disable", response=PluginOut, auth=signed_in, summary="Have nothing of a plugin used")
def disable(request: HttpRequest, name: str, body: ReasonNeeded) -> PluginOut:
    user = admin_everywhere(request)
    try:
        plugin_switches.disable(name, user, reason=body.reason)
    except ConfigurationError as error:
        raise Http404(str(error)) from None
    return _one(name)


@router.post("/{slug:name}/enable", response=PluginOut, auth=signed_in, summary="Use a plugin again")
def enable(request: HttpRequest, name: str, body: Reason) -> PluginOut:
    user = admin_everywhere(request)
    try:
        plugin_switches.enable(name, user, reason=body.reason)
    except ConfigurationError as error:
        raise Http404(str(error)) from None
    return _one(name)


def _one(name: str) -> PluginOut:
    return next(_told(each) for each in known.all_plugins() if each.info.name == name)


def _told(plugin: known.PluginNow) -> PluginOut:
    info = plugin.info
    return PluginOut(
        name=info.name,
        distribution=info.distribution,
        version=info.version,
        offers=dict(info.offers),
        error=info.error,
        disabled=info.disabled,
        switched_off=info.switched_off,
        incidents=[_incident(each) for each in plugin.incidents],
    )


def _incident(row: PluginIncident) -> IncidentOut:
    return IncidentOut(
        kind=row.kind, where=row.where, detail=row.detail, count=row.count, first_at=row.first_at, last_at=row.last_at
    )
