"""What the screens of declared things have in common: where each is declared, retiring, and saving through the services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import ForeignKey, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.html import format_html

from core.admin.actions import ReasonForm, do_to_each
from core.admin.forms import DeclaredFormSet
from core.admin.generic import ModelAdmin, StackedInline, person
from core.errors import RefusedError
from core.models import Declared
from core.queries import activities
from core.services import admin_edits


class RetiredFilter(admin.SimpleListFilter):
    """Shows what is in use, unless asked for more."""

    title = "use"
    parameter_name = "use"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("retired", "Retired"), ("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": "In use"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "all":
                return queryset
            case "retired":
                return queryset.exclude(retired_at=None)
            case _:
                return queryset.filter(retired_at=None)


class OriginFilter(admin.SimpleListFilter):
    """Shows what one flavour file declares, or the admin."""

    title = "declaration"
    parameter_name = "declared_in"
    #: Stands in the address for the origin of what the admin declares, which is empty.
    _ADMIN = "-"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        rows = model_admin.model._default_manager.order_by("origin")
        origins = rows.values_list("origin", flat=True).distinct()
        return [(origin or self._ADMIN, origin or "The admin") for origin in origins]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        origin = self.value()
        return queryset if origin is None else queryset.filter(origin="" if origin == self._ADMIN else origin)


class DeclaredAdmin(ModelAdmin):
    """A screen of something that a flavour file or the admin declares."""

    #: The fields that are declared, and those that the deployer fills in.
    declared: ClassVar[Sequence[str]]
    known: ClassVar[Sequence[str]] = ()

    action_form = ReasonForm
    actions: Sequence[str] = ("retire", "bring_back")
    list_per_page = 50

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Who changed what, when and why; also what a flavour file changed."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "row": row,
            "opts": self.opts,
            "page": Paginator(activities.history(row), 50).get_page(request.GET.get("page")),
        }
        return render(request, "admin/core/history.html", context)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.known, "declared_in", "retired_at"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": self.declared})]
        return [
            (None, {"fields": self.declared, "description": _why_read_only(obj)}),
            ("What the deployer knows", {"fields": [*self.known, "declared_in", "retired_at"]}),
        ]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [RetiredFilter, OriginFilter, *self.list_filter]

    @admin.display(description="declared in", ordering="origin")
    def declared_in(self, row: Declared) -> str:
        return row.origin or "the admin"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        is_own = obj is None or (not obj.origin and obj.retired_at is None)
        return is_own and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        # Each is called by the names of what it belongs to.
        in_use = db_field.remote_field.model._default_manager.filter(retired_at=None).select_related()
        return super().formfield_for_foreignkey(db_field, request, queryset=in_use, **kwargs)

    # Saving

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except RefusedError as error:
            self.message_user(request, f"Nothing was saved: {error}.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            admin_edits.change(obj, person(request), form.changed_data)
        else:
            admin_edits.add(obj, person(request))

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.save(commit=False)
        for row in formset.new_objects:
            admin_edits.add(row, person(request))
        for row, fields in formset.changed_objects:
            admin_edits.change(row, person(request), fields)

    # Actions

    @admin.action(description="Retire", permissions=["change"])
    def retire(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, admin_edits.retire, "retired; what runs goes on running")

    @admin.action(description="Bring back what was retired", permissions=["change"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, admin_edits.bring_back, "brought back")


class DeclaredInline(StackedInline):
    """What is declared directly under something, on its page."""

    formset = DeclaredFormSet
    extra = 0
    can_delete = False
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(retired_at=None)


def _why_read_only(row: Declared) -> str:
    """Say it as HTML."""
    if row.retired_at is not None:
        return "Retired, and therefore read-only. Bring it back in the list to change it."
    if row.origin:
        return format_html(
            "Declared in <strong>{}</strong>, and therefore read-only here: change it there.", row.origin
        )
    return ""
