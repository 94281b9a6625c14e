"""The admin as one person sees it, and its forms filled in as a browser would."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.forms import CheckboxInput, MultiWidget
from django.test import Client
from django.urls import reverse


class Pages:
    """The pages of the admin, as one person sees them."""

    def __init__(self, client: Client, user: User) -> None:
        client.force_login(user)
        self.user = user
        self._client = client

    def list(self, model: str, **query: Any) -> Any:
        return self._client.get(_address(model, "changelist"), query)

    def page(self, row: Any) -> Any:
        return self._client.get(_address(row._meta.model_name, "change", row.pk))

    def new(self, model: str) -> Any:
        return self._client.get(_address(model, "add"))

    def add(self, model: str, **values: Any) -> Any:
        return self._client.post(_address(model, "add"), filled_in(self.new(model), values))

    def change(self, row: Any, **values: Any) -> Any:
        page = self.page(row)
        return self._client.post(_address(row._meta.model_name, "change", row.pk), filled_in(page, values))

    def post(self, row: Any, **values: Any) -> Any:
        """Send values that the page does not ask for."""
        return self._client.post(_address(row._meta.model_name, "change", row.pk), values)

    def act(self, action: str, *rows: Any, reason: str = "", seen: str = "") -> Any:
        """Tick rows in the list and run an action.

        :param seen: the query of the list that they were ticked in.
        """
        address = _address(rows[0]._meta.model_name, "changelist") + seen
        values = {"action": action, "_selected_action": [row.pk for row in rows], "reason": reason}
        return self._client.post(address, values, follow=True)


def _address(model: str, page: str, *key: Any) -> str:
    return reverse(f"admin:core_{model}_{page}", args=key)


def filled_in(page: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What a browser would send from a page: what its forms show, and these values instead.

    Rows of an inline: `recipes=[{"name": "web", …}]`.
    """
    sent: dict[str, Any] = {}
    _fill(sent, page.context["adminform"].form)
    for inline in page.context["inline_admin_formsets"]:
        formset = inline.formset
        for form in (formset.management_form, *formset.initial_forms):
            _fill(sent, form)
        added = values.pop(formset.prefix, [])
        sent[f"{formset.prefix}-TOTAL_FORMS"] = len(formset.initial_forms) + len(added)
        for number, row in enumerate(added, start=len(formset.initial_forms)):
            empty = formset.empty_form
            fields = {name: empty[name].value() for name in empty.fields if name not in ("id", formset.fk.name)}
            for name, value in {**fields, **row}.items():
                _put(sent, f"{formset.prefix}-{number}-{name}", value)
    for name, value in values.items():
        _put(sent, name, value)
    return sent


def _fill(sent: dict[str, Any], form: Any) -> None:
    for field in form:
        # Django wraps the choice of a related row to put links beside it.
        widget = getattr(field.field.widget, "widget", field.field.widget)
        name, value = field.html_name, field.value()
        if isinstance(widget, MultiWidget):
            for suffix, part in zip(widget.widgets_names, widget.decompress(value), strict=True):
                _put(sent, name + suffix, part)
        else:
            _put(sent, name, value if isinstance(widget, CheckboxInput) else widget.format_value(value))


def _put(sent: dict[str, Any], name: str, value: Any) -> None:
    if value is True:
        sent[name] = "on"
    elif value is not None and value is not False:
        sent[name] = value


def faults(answer: Any) -> dict[str, list[str]]:
    """What a page says is wrong, by field."""
    assert answer.status_code == 200, answer.content
    return dict(answer.context["adminform"].form.errors)


def inline_faults(answer: Any, prefix: str) -> list[dict[str, list[str]]]:
    """What a page says is wrong in the rows of an inline."""
    [formset] = [each.formset for each in answer.context["inline_admin_formsets"] if each.formset.prefix == prefix]
    return [dict(form.errors) for form in formset.forms]


def told(answer: Any) -> list[str]:
    """The messages at the top of a page."""
    return [str(message) for message in answer.context["messages"]]
