"""Carrying log rules out of the admin and into it."""

from __future__ import annotations

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from core.admin.generic import ModelAdmin, person
from core.errors import ConfigurationError
from core.logs import rule_files
from core.models import LogRule
from core.services import log_rules

_TYPES = {"json": "application/json", "csv": "text/csv"}


class ImportForm(forms.Form):
    """A file of rules, or its text."""

    file = forms.FileField(required=False, help_text="JSON or CSV, as it was exported.")
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or its text",
        widget=forms.Textarea(attrs={"rows": 8, "cols": 90, "class": "vLargeTextField code", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, object]:
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["entries"] = rule_files.read(self._said())
        except ConfigurationError as error:
            raise ValidationError(str(error).splitlines()) from None
        return cleaned

    def _said(self) -> str:
        file = self.cleaned_data.get("file")
        if not file:
            return str(self.cleaned_data.get("text", ""))
        try:
            return str(file.read(rule_files.LARGEST + 1).decode())
        except UnicodeDecodeError:
            raise ConfigurationError("The file is no text in UTF-8.") from None


def export(screen: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """All rules as a file, in the format that the address asks for."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    format = "csv" if request.GET.get("format") == "csv" else "json"
    entries = [(log_rules.value(row), row.enabled) for row in LogRule.objects.all()]
    answer = HttpResponse(rule_files.write(entries, format), content_type=f"{_TYPES[format]}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="log-rules.{format}"'
    return answer


def bring_in(screen: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Ask for a file of rules, and add and change what it says: all of it, or nothing."""
    if not (screen.has_add_permission(request) and screen.has_change_permission(request)):
        raise PermissionDenied
    form = ImportForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        added, changed = log_rules.bring_in(form.cleaned_data["entries"], person(request))
        same = len(form.cleaned_data["entries"]) - added - changed
        screen.message_user(request, f"{added} added, {changed} changed, {same} were the same.")
        return HttpResponseRedirect(reverse("admin:core_logrule_changelist"))
    context = {**screen.admin_site.each_context(request), "title": "Import log rules", "form": form}
    return TemplateResponse(request, "admin/core/logrule/import.html", context)
