"""The options of a plugin as a form: for every kind that may be chosen its own fields, of which the chosen kind's count.

Without JavaScript all kinds are on the page, folded; with it the chosen one alone is shown (`options.js`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.datastructures import MultiValueDict
from django.utils.safestring import SafeString
from pydantic import BaseModel
from pydantic import ValidationError as PydanticError
from pydantic.errors import PydanticInvalidForJsonSchema

from core.admin.fields import OptionsField
from core.admin.option_fields import LEFT_OUT, fields_of
from core.pipeline.validate import option_fault


class OptionsForm:
    """The fields of one kind."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self.fields = fields_of(model)

    def read(self, data: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        """What was typed, by option, as it was typed."""
        files: MultiValueDict[str, Any] = MultiValueDict()
        return {
            name: each.widget.value_from_datadict(data, files, f"{prefix}.{name}") for name, each in self.fields.items()
        }

    def clean(self, typed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """The options, without those that are as the plugin has them by default; and what is wrong, by option.

        What is wrong with them all together is under the empty name.
        """
        options, faults = {}, {}
        for name, each in self.fields.items():
            try:
                value = each.clean(typed.get(name))
            except ValidationError as error:
                faults[name] = list(error.messages)
                continue
            if value is not LEFT_OUT and not _same(value, each.default):  # type: ignore[attr-defined]
                options[name] = value
        return options, faults or self._refused(options)

    def _refused(self, options: Mapping[str, Any]) -> dict[str, list[str]]:
        """What pydantic says of them."""
        faults: dict[str, list[str]] = {}
        try:
            self.model.model_validate(options)
        except PydanticError as error:
            for each in error.errors():
                name = str(each["loc"][0]) if each["loc"] else ""
                inner = ".".join(str(part) for part in each["loc"][1:])
                faults.setdefault(name, []).append(f"{inner}: {option_fault(each)}" if inner else option_fault(each))
        return faults

    def values(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What the fields show of options that are kept."""
        shown = {}
        for name, each in self.fields.items():
            value = options.get(name, each.default)  # type: ignore[attr-defined]
            shown[name] = None if value is LEFT_OUT else each.prepare_value(value)
        return shown


def _same(value: Any, default: Any) -> bool:
    # 1 and True are equal to Python, and not to a plugin.
    return (type(value) is type(default) and bool(value == default)) or (value == default and value is None)


@dataclass(frozen=True)
class Typed:
    """What a browser sent: which kind was chosen, what was typed for each kind, and what was written as JSON."""

    kind: str
    by_kind: Mapping[str, Mapping[str, Any]]
    written: str = "{}"


@dataclass
class OptionsWidget(forms.Widget):
    """Shows the fields of every kind.

    :param kind_name: the name of the field beside it that the kind is chosen in.
    """

    offers: Mapping[str, Any]
    kind_name: str
    kind: str = ""
    faults: dict[str, list[str]] = field(default_factory=dict)

    class Media:
        js = ("deployer/options.js",)
        css = {"all": ("deployer/options.css",)}

    def __post_init__(self) -> None:
        super().__init__()

    def __deepcopy__(self, memo: Any) -> OptionsWidget:
        return OptionsWidget(self.offers, self.kind_name, self.kind)

    use_fieldset = True

    @cached_property
    def forms(self) -> dict[str, OptionsForm]:
        """By kind; one whose options have no schema is left out, and written in JSON."""
        found = {}
        for kind, offer in self.offers.items():
            try:
                found[kind] = OptionsForm(offer.Options)
            except PydanticInvalidForJsonSchema:
                continue
        return found

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        kind = str(data.get(f"{name.removesuffix('options')}{self.kind_name}", self.kind))
        shown = [each for each in self.forms if f"{name}.{each}" in data]
        if kind not in shown:
            # Of a kind that has no fields here, or sent by a script.
            return data.get(name, "{}")
        by_kind = {each: self.forms[each].read(data, f"{name}.{each}") for each in shown}
        return Typed(kind, by_kind, data.get(name, "{}"))

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""

    def format_value(self, value: Any) -> str:
        return value.written if isinstance(value, Typed) else str(value)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = value.kind if isinstance(value, Typed) else self.kind
        context = {
            "name": name,
            "kind_name": self.kind_name,
            "chosen": chosen,
            "kinds": list(self._kinds(name, value, chosen)),
            "written": self.format_value(value),
            "has_form": chosen in self.forms,
            "faults": self.faults.get("", []),
        }
        return render_to_string("admin/plugin_options.html", context)

    def _kinds(self, name: str, value: Any, chosen: str) -> Iterator[tuple[str, bool, list[Any]]]:
        for kind, form in self.forms.items():
            if isinstance(value, Typed):
                shown = value.by_kind.get(kind) or form.values({})
            else:
                shown = form.values(_kept(value) if kind == chosen else {})
            faults = self.faults if kind == chosen else {}
            yield (
                kind,
                kind == chosen,
                [_row(name, kind, option, each, shown, faults) for option, each in form.fields.items()],
            )


def _row(name: str, kind: str, option: str, each: forms.Field, shown: Mapping[str, Any], faults: Any) -> dict[str, Any]:
    id = f"id_{name}.{kind}.{option}"
    told = faults.get(option, [])
    attrs = {"id": id, **({"aria-required": "true"} if each.required else {})}
    if told:
        attrs["aria-invalid"] = "true"
    return {
        "id": id,
        "option": option,
        "field": each.widget.render(f"{name}.{kind}.{option}", shown.get(option), attrs),
        "help": each.help_text,
        "hint": getattr(each, "hint", ""),
        "required": each.required,
        "is_checkbox": isinstance(each, forms.BooleanField),
        "faults": told,
    }


def _kept(value: Any) -> Mapping[str, Any]:
    try:
        kept = json.loads(value)
    except (TypeError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


class PluginOptionsField(OptionsField):
    """The options of the kind that is chosen beside it. Their faults are shown on their own fields."""

    def __init__(self, offers: Mapping[str, Any], *, kind_name: str, kind: str = "", label: str | None = None) -> None:
        super().__init__(label=label)
        self.widget = OptionsWidget(offers, kind_name, kind)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, Typed) else super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        if not isinstance(value, Typed):
            return super().to_python(value)
        assert isinstance(self.widget, OptionsWidget)
        options, faults = self.widget.forms[value.kind].clean(value.by_kind[value.kind])
        if faults:
            self.widget.faults = faults
            names = [name for name in faults if name]
            said = f"See {', '.join(names)}." if names else "See below."
            raise ValidationError(said, code="options")
        # What no database keeps is refused as it is in JSON.
        return super().to_python(json.dumps(options))

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data if isinstance(data, Typed) else super().bound_data(data, initial)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial() if callable(initial) else initial or {}))
        except ValidationError:
            return True
