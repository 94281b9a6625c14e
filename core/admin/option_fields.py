"""Form fields for the options of a plugin, from the JSON schema of its pydantic model.

Each kind of value has the field that people know for it; what none fits (a nested object, a union) is written in JSON.
Every field takes the value as the options keep it and gives it back unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import escape
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

#: Stands for an option that is left out: the plugin's default then counts.
LEFT_OUT = object()

_CODE_IN_TEXT = re.compile(r"`([^`]+)`")
_CODE = {"spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}


def fields_of(model: type[BaseModel]) -> dict[str, forms.Field]:
    """A field for each option, by its name; `default` of each is what counts where it is left out.

    :raises PydanticInvalidForJsonSchema: the model has no schema.
    """
    schema = model.model_json_schema()
    required, definitions = schema.get("required", ()), schema.get("$defs", {})
    fields = {}
    for name, part in schema.get("properties", {}).items():
        given = model.model_fields.get(name)
        default = LEFT_OUT
        if name not in required and given is not None:
            default = to_jsonable_python(given.get_default(call_default_factory=True, validated_data={}))
        field = _field(part, definitions, default)
        field.label = name
        field.required = name in required
        field.help_text = _CODE_IN_TEXT.sub(r"<code>\1</code>", escape(part.get("description", "")))
        field.default = default  # type: ignore[attr-defined]  # what is left out of the options
        fields[name] = field
    return fields


def _field(part: Mapping[str, Any], definitions: Mapping[str, Any], default: Any) -> forms.Field:
    part, nullable = _resolved(part, definitions)
    match part:
        case {"enum": [*values]}:
            return Choice(values, nullable=nullable)
        case {"type": "boolean"} if not nullable:
            return forms.BooleanField(required=False)
        case {"type": "boolean"}:
            return Choice([True, False], nullable=True)
        case {"type": "integer" | "number" as kind}:
            return Number(part, whole=kind == "integer")
        case {"type": "string", "format": "multi-line"}:
            return Text(rows=8)
        case {"type": "string"}:
            return Text(nullable=nullable)
        case {"type": "array", "items": dict(items)} if _is_plain(items, definitions) and not nullable:
            return Lines(text=_resolved(items, definitions)[0].get("type") == "string")
        case {"type": "object", "additionalProperties": {"type": "string"}} if not nullable:
            return Pairs()
        case _:
            return Json()


def _resolved(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """A part of a schema without references, and whether null is allowed besides."""
    if "$ref" in part:
        part = definitions.get(part["$ref"].rpartition("/")[2], {})
    match part:
        case {"anyOf": [dict(one), {"type": "null"}]}:
            return _resolved(one, definitions)[0], True
        case {"const": value}:
            return {"enum": [value]}, False
        case _:
            return part, False


def _is_plain(items: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    return _resolved(items, definitions)[0].get("type") in ("string", "integer", "number")


class Text(forms.CharField):
    """A text. Spaces at its ends are kept only where the options have them already."""

    def __init__(self, *, rows: int = 0, nullable: bool = False) -> None:
        self._nullable, self._rows = nullable, rows
        widget = forms.Textarea(attrs={"rows": rows, "cols": 60, **_CODE}) if rows else forms.TextInput(attrs=_CODE)
        super().__init__(strip=not rows, widget=widget)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str) and "\n" in value and not self._rows:
            # A field of one line would lose the others.
            self.widget = forms.Textarea(attrs={"rows": 8, "cols": 60, **_CODE})
        return "" if value is None else value

    def to_python(self, value: Any) -> Any:
        text = str(super().to_python(value)).replace("\r\n", "\n")
        return None if self._nullable and not text else text


class Number(forms.CharField):
    """A number; nothing where it is left empty."""

    def __init__(self, part: Mapping[str, Any], *, whole: bool) -> None:
        limits = {"min": part.get("minimum"), "max": part.get("maximum")}
        attrs = {name: limit for name, limit in limits.items() if limit is not None}
        super().__init__(widget=forms.NumberInput(attrs={"step": 1 if whole else "any", **attrs}))
        self._whole = whole

    def to_python(self, value: Any) -> Any:
        text = str(value if value is not None else "").strip()
        if not text:
            return LEFT_OUT
        try:
            return int(text) if self._whole or text.lstrip("-").isdigit() else float(text)
        except ValueError:
            raise ValidationError("It is a whole number." if self._whole else "It is a number.") from None

    def validate(self, value: Any) -> None:
        if self.required and value is LEFT_OUT:
            raise ValidationError(self.error_messages["required"], code="required")


class Choice(forms.CharField):
    """One of some values."""

    def __init__(self, values: list[Any], *, nullable: bool) -> None:
        self._values = {_word(value): value for value in values}
        words = [(word, word or "(none)") for word in self._values]
        if nullable:
            self._values[""] = None
            words.insert(0, ("", "(as the plugin chooses)"))
        super().__init__(widget=forms.Select(choices=words))

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else _word(value)

    def to_python(self, value: Any) -> Any:
        word = value or ""
        if word not in self._values:
            if not word and self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            raise ValidationError(f"It is one of: {', '.join(each for each in self._values if each)}.")
        return self._values[word]

    def validate(self, value: Any) -> None:
        """Checked already: an empty word may be one of the values."""


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value).replace("true", "yes").replace("false", "no")


class _Written(forms.CharField):
    """Several values in a text area."""

    hint = ""

    def __init__(self, *, rows: int = 3) -> None:
        super().__init__(strip=False, widget=forms.Textarea(attrs={"rows": rows, "cols": 60, **_CODE}))

    def _read(self, text: str) -> Any:
        raise NotImplementedError

    def to_python(self, value: Any) -> Any:
        text = str(value or "").replace("\r\n", "\n")
        return self._read(text)

    def validate(self, value: Any) -> None:
        if self.required and (value is LEFT_OUT or value in ([], {}, "")):
            raise ValidationError(self.error_messages["required"], code="required")


class Lines(_Written):
    """A list, a line each; or as a list in JSON where an entry has lines of its own."""

    hint = "One a line."

    def __init__(self, *, text: bool) -> None:
        super().__init__()
        self._text = text

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value
        words = [each if isinstance(each, str) else json.dumps(each) for each in value]
        plain = all(word.strip() and "\n" not in word and "\r" not in word for word in words)
        if plain and not (words and words[0].lstrip().startswith("[")):
            return "\n".join(words)
        return json.dumps(list(value), ensure_ascii=False)

    def _read(self, text: str) -> Any:
        if text.lstrip().startswith("["):
            return _json(text, list, 'Several lines, or a list in JSON: ["one", "two"].')
        lines = [line for line in text.split("\n") if line.strip()]
        return lines if self._text else [_number(line) for line in lines]


class Pairs(_Written):
    """Names and texts, a line each; or as an object in JSON where a text has lines of its own."""

    hint = "NAME=value, one a line."

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        plain = all(
            name.strip() == name and name and "=" not in name and "\n" not in name + text and "\r" not in name + text
            for name, text in value.items()
        )
        if plain and not next(iter(value), "").startswith("{"):
            return "\n".join(f"{name}={text}" for name, text in value.items())
        return json.dumps(value, ensure_ascii=False)

    def _read(self, text: str) -> Any:
        if text.lstrip().startswith("{"):
            return _json(text, dict, 'Lines NAME=value, or an object in JSON: {"NAME": "value"}.')
        pairs = {}
        for line in text.split("\n"):
            name, equals, value = line.partition("=")
            if line.strip() and not equals:
                raise ValidationError(f"{line.strip()[:60]!r}: it is NAME=value, one a line.")
            if equals:
                pairs[name.strip()] = value
        return pairs


class Json(_Written):
    """Anything else, in JSON."""

    hint = "In JSON."

    def prepare_value(self, value: Any) -> Any:
        if value is None or value is LEFT_OUT:
            return ""
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def _read(self, text: str) -> Any:
        return _json(text, object, "It is no JSON.") if text.strip() else LEFT_OUT


def _json(text: str, kind: type, wrong: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValidationError(f"{wrong} {error}.") from None
    if not isinstance(value, kind):
        raise ValidationError(wrong)
    return value


def _number(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        raise ValidationError(f"{line.strip()[:60]!r} is no number.") from None
