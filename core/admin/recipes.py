"""Recipes, with their targets."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin

from core.admin.declared import DeclaredAdmin, DeclaredInline
from core.admin.fields import ArgumentsField, WordsField, arguments
from core.admin.forms import PluggedForm
from core.admin.targets import TargetInline
from core.models import Input, Recipe
from core.pipeline import declaration, validate
from core.pipeline.declaration import Use

_FIELDS = ("name", "builder", "options", "platforms", "args", "timeout", "recheck")


class RecipeForm(PluggedForm):
    role, kind = "builders", "builder"
    places = {
        "name": "name",
        "kind": "builder",
        "option": "options",
        "options": "options",
        "platform": "platforms",
        "platforms": "platforms",
        "argument": "args",
        "timeout": "timeout",
    }

    platforms = WordsField(
        required=True,
        initial=["linux/amd64"],
        help_text=f"Separated by spaces, of: {', '.join(validate.PLATFORMS)}.",
    )
    args = ArgumentsField(
        label="Build arguments",
        help_text='{"NAME": "text", …}; instead of a text {"input": "NAME"} takes the value of an input of the flavour.',
    )

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        recipe = declaration.Recipe(
            self.said("name"),
            builder=Use(self.said("builder"), **self.said("options")),
            platforms=self.said("platforms"),
            args=arguments(self.said("args")),
            timeout=self.said("timeout"),
        )
        flavour = self.said("repository").flavour_id
        inputs = Input.objects.filter(flavour=flavour, retired_at=None).values_list("name", flat=True)
        return validate.recipe_faults(recipe, offers, list(inputs))


class RecipeInline(DeclaredInline):
    model = Recipe
    form = RecipeForm
    fields = _FIELDS


@admin.register(Recipe)
class RecipeAdmin(DeclaredAdmin):
    form = RecipeForm
    inlines = (TargetInline,)
    declared = ("repository", *_FIELDS)
    list_display = ("name", "repository", "builder", "platforms", "timeout", "declared_in")
    list_filter = ("builder", "repository__flavour")
    list_select_related = ("repository",)
    search_fields = ("name", "repository__name")
