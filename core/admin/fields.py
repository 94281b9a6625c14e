"""Form fields for what Django has none for: kinds that plugins offer, words, and values in JSON that can be kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.safestring import SafeString
from pydantic import TypeAdapter
from pydantic import ValidationError as PydanticError

from core.pipeline.declaration import FromInput, HealthCheck, Use
from core.pipeline.validate import unknown


def kind_field(kinds: Iterable[str], kept: str, like: forms.Field) -> forms.CharField:
    """A choice of the kinds that plugins offer.

    It accepts any word, so that the validation of flavour files can say which was meant.

    :param kept: the kind that the row has now; offered even if its plugin is missing.
    :param like: the field that it stands for.
    """
    offered = sorted(kinds)
    choices = [(kind, kind) for kind in offered]
    if kept and kept not in offered:
        choices.append((kept, f"{kept} (no plugin offers it now)"))
    if not kept:
        choices.insert(0, ("", "---------"))
    widget = forms.Select(choices=choices)
    return forms.CharField(max_length=50, widget=widget, help_text=like.help_text, disabled=like.disabled)


class WordsField(forms.CharField):
    """A list of words, separated by spaces, commas or new lines."""

    def __init__(self, *, required: bool, help_text: str, initial: Sequence[str] = ()) -> None:
        widget = forms.Textarea(attrs={"rows": 2, "cols": 40})
        super().__init__(required=required, help_text=help_text, initial=initial, widget=widget)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    def to_python(self, value: Any) -> Any:
        text = " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        if text and "\0" in text:
            raise ValidationError("A NUL character cannot be kept.")
        return (super().to_python(text) or "").replace(",", " ").split()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.to_python(initial), data)


class JsonField(forms.JSONField):
    """A value in JSON that every database can keep."""

    #: Makes the value of a field that is left empty.
    empty: type[Any] = dict

    def __init__(self, *, label: str | None = None, help_text: str | SafeString = "") -> None:
        widget = forms.Textarea(attrs={"rows": 4, "cols": 60, "spellcheck": "false"})
        super().__init__(required=False, label=label, help_text=help_text, initial=self.empty, widget=widget)

    def prepare_value(self, value: Any) -> Any:
        # What was typed and is no JSON is shown again as it was typed.
        return value if isinstance(value, InvalidJSONInput) else json.dumps(value, indent=2, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        kept = super().to_python(value)
        if kept is None:
            return self.empty()
        try:
            text = json.dumps(kept, allow_nan=False)
        except ValueError:
            raise ValidationError("NaN and Infinity cannot be kept.") from None
        if "\\u0000" in text:
            raise ValidationError("A NUL character cannot be kept.")
        return kept


class OptionsField(JsonField):
    """The options of a plugin: an object."""

    def to_python(self, value: Any) -> Any:
        kept = super().to_python(value)
        if not isinstance(kept, dict):
            raise ValidationError('It has to be an object: {"name": value, …}.')
        return kept


class ArgumentsField(OptionsField):
    """Build arguments, as they are kept."""

    def to_python(self, value: Any) -> Any:
        kept = super().to_python(value)
        for name, argument in kept.items():
            if not isinstance(argument, str) and not _is_from_input(argument):
                raise ValidationError(f'{name}: its value is a text, or {{"input": "NAME"}}.')
        return kept


#: What is typed into it, for people.
_PAIRS = '[["kind", {"option": value, …}], …].'


class UsesField(JsonField):
    """Notifiers, gates or steps, as they are kept: pairs of a kind and its options.

    :param about: what they are for, without the stop.
    :param role: the plural by which plugins offer them.
    """

    empty = list

    def __init__(self, about: str, role: str) -> None:
        self.about, self.role = f"{about}: {_PAIRS}", role
        super().__init__(help_text=self.about)

    def to_python(self, value: Any) -> Any:
        kept = super().to_python(value)
        if not isinstance(kept, list) or not all(_is_use(each) for each in kept):
            raise ValidationError('It has to be a list of pairs: [["kind", {"option": value, …}], …].')
        return kept


#: What is typed into it, for people.
_CHECK = (
    'How it is found out from outside whether it is well: {"path": "/health", "status": 200, "text": "", "timeout": 10, '
    '"interval": 5, "grace": 60, "redirects": 0, "verify": true, "uri": ""}. All may be left out; {} asks the uri above. '
    "Empty: it is not asked."
)
_CHECKS = TypeAdapter(HealthCheck)


class HealthCheckField(JsonField):
    """A check from outside, as it is kept: an object with the fields of `HealthCheck`, or nothing."""

    empty = type(None)

    def __init__(self) -> None:
        super().__init__(help_text=_CHECK)

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)

    def to_python(self, value: Any) -> Any:
        kept = super().to_python(value)
        if kept is None:
            return None
        if not isinstance(kept, dict):
            raise ValidationError('It has to be an object: {"path": "/health"}, or empty.')
        names = [field.name for field in fields(HealthCheck)]
        if wrong := [name for name in kept if name not in names]:
            raise ValidationError(unknown(wrong[0], names))
        try:
            return asdict(_CHECKS.validate_python(kept))
        except PydanticError as error:
            fault = error.errors()[0]
            raise ValidationError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None


def health_check(kept: dict[str, Any] | None) -> HealthCheck | None:
    """A check from outside as the vocabulary has it."""
    return None if kept is None else HealthCheck(**kept)


def arguments(kept: dict[str, Any]) -> dict[str, str | FromInput]:
    """Build arguments as the vocabulary has them."""
    return {name: FromInput(value["input"]) if isinstance(value, dict) else value for name, value in kept.items()}


def uses(kept: list[list[Any]]) -> list[Use]:
    """Notifiers, gates or steps as the vocabulary has them."""
    return [Use(kind, **options) for kind, options in kept]


def _is_from_input(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"input"} and isinstance(value["input"], str)


def _is_use(value: Any) -> bool:
    match value:
        case [str(), dict()]:
            return True
        case _:
            return False
