"""Flavours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin

from core.admin.declared import DeclaredAdmin
from core.admin.fields import UsesField, WordsField, uses
from core.admin.forms import DeclaredForm
from core.models import Flavour
from core.pipeline import declaration, validate

_NAMES = "Names of users, github:login, github:organisation or github:organisation/team, separated by spaces."


class FlavourForm(DeclaredForm):
    places = {
        "flavour": "name",
        "base_url": "base_url",
        "notifier": "notifiers",
        "gate": "gates",
        "admins": "admins",
        "builders": "builders",
        "viewers": "viewers",
        "drift": "drift",
    }

    base_url = forms.URLField(required=False, assume_scheme="https")
    admins = WordsField(required=False, help_text=f"Those who may administer it. {_NAMES}")
    builders = WordsField(required=False, help_text="Those who may start and stop work, likewise.")
    viewers = WordsField(required=False, help_text="Those who may look where not everybody may, likewise.")
    notifiers = UsesField("Who is told what happens", "notifiers")
    gates = UsesField("What can hold the deployments of all its services back", "gates")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(lifts := self.fields.get("threshold_lifts_at"), forms.SplitDateTimeField):
            for part, word in zip(lifts.widget.widgets, ("date", "time"), strict=True):
                part.attrs["aria-label"] = f"Threshold lifts at: {word}"

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        flavour = declaration.Flavour(
            self.said("name"),
            base_url=self.said("base_url"),
            notifiers=uses(self.said("notifiers")),
            gates=uses(self.said("gates")),
            admins=self.said("admins"),
            builders=self.said("builders"),
            viewers=self.said("viewers"),
            drift=self.said("drift"),
        )
        return validate.faults_of(flavour, offers)


@admin.register(Flavour)
class FlavourAdmin(DeclaredAdmin):
    form = FlavourForm
    declared = (
        "name", "title", "base_url", "admins", "builders", "viewers", "notifiers", "gates", "drift", "threshold",
        "threshold_lifts_at", "harmless",
    )  # fmt: skip
    list_display = ("name", "title", "threshold", "harmless", "declared_in", "retired_at")
    search_fields = ("name", "title")
