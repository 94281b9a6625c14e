"""Plugins."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest
from ninja import Router, Schema

from core.plugins import PluginInfo, plugins

router = Router(tags=["plugins"])


class PluginOut(Schema):
    """A plugin: which kinds it offers in which role, and what is wrong with it if anything is."""

    name: str
    distribution: str
    version: str
    offers: dict[str, Sequence[str]]
    error: str
    disabled: bool


@router.get("", response=list[PluginOut], summary="The plugins that were found, by name")
def found(request: HttpRequest) -> list[PluginInfo]:
    return plugins.infos()
