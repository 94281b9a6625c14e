"""Repositories, with their recipes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin.actions import do_to_each
from core.admin.declared import DeclaredAdmin
from core.admin.forms import PluggedForm
from core.admin.recipes import RecipeInline
from core.models import Repository
from core.pipeline import declaration, validate
from core.pipeline.declaration import Use
from core.services import requests


class RepositoryForm(PluggedForm):
    role, kind = "sources", "source"
    places = {"name": "name", "poll": "poll", "kind": "source", "option": "options", "options": "options"}

    def faults(self, offers: validate.Offers) -> Iterator[str]:
        source = Use(self.said("source"), **self.said("options"))
        repository = declaration.Repository(self.said("name"), source, poll=self.said("poll"))
        return validate.repository_faults(repository, offers, inputs=())


@admin.register(Repository)
class RepositoryAdmin(DeclaredAdmin):
    form = RepositoryForm
    inlines = (RecipeInline,)
    declared = ("flavour", "name", "source", "options", "poll", "check_refs")
    known = ("default_branch", "notice", "renamed_to", "looked_at", "next_look_at", "poll_after", "look_error")
    list_display = ("name", "flavour", "declared_in", "source", "default_branch", "looked_at", "look_error")
    list_filter = ("flavour", "source")
    list_select_related = ("flavour",)
    search_fields = ("name",)
    actions = (*DeclaredAdmin.actions, "look")

    @admin.action(description="Look at it again now", permissions=["change"])
    def look(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, requests.look, "to be looked at")
