"""Targets, with their services."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin

from core.admin.declared import DeclaredAdmin, DeclaredInline
from core.admin.forms import DeclaredForm
from core.admin.services import ServiceInline
from core.models import Target
from core.pipeline import declaration, validate

_FIELDS = ("branch", "image", "rollout", "soak")


class TargetForm(DeclaredForm):
    places = {"branch": "branch", "image": "image", "rollout": "rollout", "soak": "soak"}

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        target = declaration.Target(
            self.said("branch"), self.said("image"), rollout=self.said("rollout"), soak=self.said("soak")
        )
        return validate.target_faults(target, offers)


class TargetInline(DeclaredInline):
    model = Target
    form = TargetForm
    fields = _FIELDS


@admin.register(Target)
class TargetAdmin(DeclaredAdmin):
    form = TargetForm
    inlines = (ServiceInline,)
    declared = ("recipe", *_FIELDS)
    list_display = ("branch", "image", "recipe", "rollout", "soak", "declared_in")
    list_filter = ("recipe__repository__flavour",)
    list_select_related = ("recipe__repository",)
    search_fields = ("branch", "image", "recipe__repository__name")
