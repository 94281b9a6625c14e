"""Flavours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin

from core.admin.declared import DeclaredAdmin
from core.admin.fields import PAIRS, NotifiersField, WordsField, uses
from core.admin.forms import DeclaredForm
from core.admin.option_help import describe
from core.models import Flavour
from core.pipeline import declaration, validate
from core.services import declarations

_NAMES = "Names of users, github:login, github:organisation or github:organisation/team, separated by spaces."


class FlavourForm(DeclaredForm):
    places = {
        "flavour": "name",
        "base_url": "base_url",
        "notifier": "notifiers",
        "admins": "admins",
        "builders": "builders",
        "viewers": "viewers",
    }

    base_url = forms.URLField(required=False, assume_scheme="https")
    admins = WordsField(required=False, help_text=f"Those who may administer it. {_NAMES}")
    builders = WordsField(required=False, help_text="Those who may start and stop work, likewise.")
    viewers = WordsField(required=False, help_text="Those who may look where not everybody may, likewise.")
    notifiers = NotifiersField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "notifiers" in self.fields:
            self.fields["notifiers"].help_text = describe(PAIRS, declarations.offers().notifiers)

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        flavour = declaration.Flavour(
            self.said("name"),
            base_url=self.said("base_url"),
            notifiers=uses(self.said("notifiers")),
            admins=self.said("admins"),
            builders=self.said("builders"),
            viewers=self.said("viewers"),
        )
        return validate.faults_of(flavour, offers)


@admin.register(Flavour)
class FlavourAdmin(DeclaredAdmin):
    form = FlavourForm
    declared = (
        "name", "title", "base_url", "admins", "builders", "viewers", "notifiers", "threshold", "threshold_lifts_at",
        "harmless",
    )  # fmt: skip
    list_display = ("name", "title", "threshold", "harmless", "declared_in", "retired_at")
    search_fields = ("name", "title")
