"""What may be written into the options of a plugin, for people, from its JSON schema."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema


def describe(form: str, offers: Mapping[str, Any]) -> SafeString:
    """Describe the options of every kind that is offered.

    :param form: a sentence about the JSON that is to be written.
    :param offers: by kind, something with a pydantic model `Options`.
    """
    if not offers:
        return format_html("{} No plugin offers anything here.", form)
    return format_html("{} {}", form, format_html_join("", "{}", ((_kind(*each),) for each in sorted(offers.items()))))


def _kind(kind: str, offer: Any) -> SafeString:
    return _options(kind, offer.Options)


@cache
def _options(kind: str, model: type[BaseModel]) -> SafeString:
    """Kept, as it takes longer than all the rest of a screen."""
    try:
        rows = _rows(model.model_json_schema())
    except PydanticInvalidForJsonSchema:
        return format_html("<p>The options of {} have no description.</p>", kind)
    listed = format_html_join("", "<li><code>{}</code> ({}; {}) {}</li>", rows) or "It has none."
    return format_html("<details><summary>Options of {}</summary><ul>{}</ul></details>", kind, listed)


def _rows(schema: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    required, definitions = schema.get("required", ()), schema.get("$defs", {})
    return [
        (name, _type(field, definitions), _need(name, field, required), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]


def _need(name: str, field: Mapping[str, Any], required: Collection[str]) -> str:
    if name in required:
        return "required"
    return f"if not given: {json.dumps(field['default'])}" if "default" in field else "optional"


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The JSON type that a part of a schema asks for: `array of string`, `string or null`."""
    match field:
        case {"$ref": str(address)}:
            # A definition may speak of itself: what it refers to is not followed.
            return _type(definitions.get(address.rpartition("/")[2], {}), {})
        case {"anyOf": [*alternatives]}:
            return " or ".join(_type(each, definitions) for each in alternatives)
        case {"enum": [*values]}:
            return " or ".join(json.dumps(each) for each in values)
        case {"const": value}:
            return json.dumps(value)
        case {"type": "array", "items": dict(items)}:
            return f"array of {_type(items, definitions)}"
        case _:
            return str(field.get("type", "anything"))
