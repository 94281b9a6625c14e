"""Log rules: their list, the form of one, and what is done to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from core import clock
from core.admin import log_rule_files, log_rule_trials
from core.admin.actions import ReasonForm, do_to_each
from core.admin.generic import ModelAdmin, ModelForm, person
from core.errors import RefusedError
from core.logs.diagnosis import try_out
from core.logs.rule_faults import HIGHEST_SCORE, faults
from core.logs.rules import understood
from core.models import LogRule
from core.queries import failures
from core.services import log_rules
from core.values import LogRule as Rule

_CODE = {"rows": 3, "cols": 90, "spellcheck": "false", "class": "vLargeTextField code"}


def said(cleaned: Mapping[str, Any], name: str) -> Rule:
    """The rule that somebody typed."""
    return Rule(
        name=name,
        pattern=cleaned.get("pattern") or "",
        report=cleaned.get("report") or "",
        score=cleaned.get("score") or 0,
        example=(cleaned.get("example") or "").replace("\r\n", "\n"),
    )


class LogRuleForm(ModelForm):
    pattern = forms.CharField(
        strip=False,
        widget=forms.Textarea(attrs=_CODE),
        help_text="A regular expression of RE2: no looking ahead or behind, no back-references. ^ and $ are the ends of a "
        "line, \\n begins the next. Colours, times and the prefixes of BuildKit are taken off before. Groups named file "
        "and line, as in (?P&lt;file&gt;\\S+):(?P&lt;line&gt;\\d+), tell a place in the repository.",
    )
    report = forms.CharField(
        widget=forms.TextInput(attrs={"class": "vLargeTextField", "size": 90}),
        help_text="The probable cause in one sentence. \\1 and \\g&lt;name&gt; are filled in with what groups have found; "
        "put one that may find nothing at the end.",
    )
    score = forms.IntegerField(
        min_value=0,
        max_value=HIGHEST_SCORE,
        initial=50,
        help_text="Of several rules that match, the highest score counts; of equals, the one that matches last in the log.",
    )
    example = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={**_CODE, "rows": 5}),
        help_text="Lines of a log that it is meant for.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "name" in self.fields:
            # Jobs and new versions know a rule by it.
            self.fields["name"].disabled = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and "pattern" in self.fields:
            rule = said(cleaned, cleaned["name"])
            cleaned["example"] = rule.example
            for field, fault in faults(rule):
                self.add_error(field, fault)
        return cleaned


@admin.register(LogRule)
class LogRuleAdmin(ModelAdmin):
    form = LogRuleForm
    fields = ("name", "enabled", "score", "pattern", "report", "example", "brought_by")
    readonly_fields = ("brought_by",)
    list_filter = ("enabled", "origin")
    search_fields = ("name", "pattern", "report")
    list_per_page = 100
    action_form = ReasonForm
    actions = ("enable", "disable", "put_back")

    def get_list_display(self, request: HttpRequest) -> Any:
        counts = failures.matches(clock.now())

        @admin.display(description=f"in {failures.DAYS} days")
        def named(row: LogRule) -> str:
            if row.name not in counts:
                return "-"
            address = f"{reverse('admin:core_job_changelist')}?{urlencode({'rule': row.name})}"
            return format_html('<a href="{}">{}</a>', address, counts[row.name])

        return ("name", "says", "score", named, "enabled")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.fields[:-1]

    @admin.display(description="what it says of its example")
    def says(self, row: LogRule) -> str:
        rules, _ = understood([log_rules.value(row)])
        told = try_out(rules[0], row.example.encode()) if rules else None
        return told.cause if told else row.report

    @admin.display(description="brought by", ordering="origin")
    def brought_by(self, row: LogRule) -> str:
        return row.origin or "a person"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        pages = {"try": log_rule_trials.page, "export": log_rule_files.export, "import": log_rule_files.bring_in}
        own = [
            path(f"{name}/", self.admin_site.admin_view(self._page(page)), name=f"core_logrule_{name}")
            for name, page in pages.items()
        ]
        return [*own, *super().get_urls()]

    def _page(self, page: Any) -> Any:
        def view(request: HttpRequest) -> HttpResponse:
            answer: HttpResponse = page(self, request)
            return answer

        return view

    # Saving

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except RefusedError as error:
            self.message_user(request, f"Nothing was saved: {error}.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            log_rules.change(obj, person(request), form.changed_data)
        else:
            log_rules.add(obj, person(request))

    # Actions

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, log_rules.enable, "enabled")

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, log_rules.disable, "disabled")

    @admin.action(description="Put back as it came", permissions=["change"])
    def put_back(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        do_to_each(self, request, queryset, log_rules.put_back, "put back as they came")
