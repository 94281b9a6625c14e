"""Inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.actions import do_to_each
from core.admin.declared import DeclaredAdmin
from core.admin.forms import PluggedForm
from core.models import Input
from core.pipeline import declaration, validate
from core.pipeline.declaration import Use
from core.services import requests


class InputForm(PluggedForm):
    role, kind = "inputs", "reader"
    places = {
        "name": "name",
        "kind": "reader",
        "option": "options",
        "options": "options",
        "validity": "validity",
    }

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        reader = Use(self.said("reader"), **self.said("options"))
        return validate.input_faults(
            declaration.Input(self.said("name"), reader, validity=self.said("validity")), offers
        )


@admin.register(Input)
class InputAdmin(DeclaredAdmin):
    form = InputForm
    declared = ("flavour", "name", "reader", "options", "validity")
    known = ("value", "read_at", "next_read_at")
    list_display = ("name", "flavour", "reader", "value", "read_at", "next_read_at", "declared_in")
    list_filter = ("flavour", "reader")
    list_select_related = ("flavour",)
    search_fields = ("name", "value")
    actions = (*DeclaredAdmin.actions, "read")

    @admin.action(description="Read it again now", permissions=["change"])
    def read(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, requests.read, "to be read")
