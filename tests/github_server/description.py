"""GitHub's description of its REST API, as the judge of questions and answers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.github_server import published

_DOCUMENT = "urn:github"


@dataclass(frozen=True)
class Operation:
    """One operation of the description.

    :param path: its template: `/repos/{owner}/{repo}`.
    """

    method: str
    path: str
    about: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.about["operationId"])


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a request and the parameters in its path."""
    for pattern, operation in _operations():
        if operation.method == method and (match := pattern.fullmatch(path)):
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def request_faults(operation: Operation, query: Mapping[str, str], body: Any) -> list[str]:
    """What is wrong with a request, by its description."""
    faults = []
    known = {}
    for parameter in map(_resolved, operation.about.get("parameters", ())):
        if parameter["in"] == "query":
            known[parameter["name"]] = parameter
    for name, value in query.items():
        if name not in known:
            faults.append(f"{operation.id} has no parameter {name!r}")
        else:
            schema = known[name]["schema"]
            faults += _faults(schema, _as_typed(value, schema), f"parameter {name}")
    described = operation.about.get("requestBody")
    if described is None:
        return faults + ([f"{operation.id} takes no body"] if body else [])
    content = _resolved(described)["content"]["application/json"]
    if body is None:
        return faults + ([f"{operation.id} needs a body"] if described.get("required") else [])
    return faults + _unknown(operation, content["schema"], body) + _faults(content["schema"], body, "body")


def _unknown(operation: Operation, schema: Mapping[str, Any], value: Any, where: str = "") -> list[str]:
    """Fields of a body that the description does not have: GitHub overlooks them, and so would we a misspelt one."""
    schema = _resolved(schema)
    if isinstance(value, list):
        return [fault for each in value for fault in _unknown(operation, schema.get("items", {}), each, where)]
    known = schema.get("properties")
    if known is None or not isinstance(value, Mapping) or (where and schema.get("additionalProperties")):
        return []
    faults = [f"{operation.id} has no field {where}{name!r}" for name in value if name not in known]
    for name in value.keys() & known.keys():
        faults += _unknown(operation, known[name], value[name], f"{where}{name}.")
    return faults


def answer_faults(operation: Operation, status: int, body: Any) -> list[str]:
    """What is wrong with an answer of ours, by its description."""
    described = operation.about["responses"].get(str(status))
    if described is None:
        return [f"{operation.id} never answers {status}"]
    content = _resolved(described).get("content", {})
    if "application/json" not in content:
        return []
    return _faults(content["application/json"]["schema"], body, "answer")


def example(operation: Operation, status: int = 200) -> Any:
    """The published example of an answer: what ours are made from, so that they have all fields."""
    content = _resolved(operation.about["responses"][str(status)])["content"]["application/json"]
    examples = list(content.get("examples", {}).values())
    return copy.deepcopy(_resolved(examples[0])["value"]) if examples else {}


def component(name: str) -> Any:
    """The published example of this name."""
    return copy.deepcopy(published.openapi()["components"]["examples"][name]["value"])


@cache
def _operations() -> list[tuple[re.Pattern[str], Operation]]:
    """All operations, those with fewer parameters in their paths first."""
    found = []
    for path, methods in published.openapi()["paths"].items():
        # A `.`, a `/` in a branch's name comes quoted; `basehead` and its like may not matter here.
        pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        found += [
            (pattern, Operation(method.upper(), path, about))
            for method, about in methods.items()
            if method in ("get", "post", "patch", "put", "delete")
        ]
    return sorted(found, key=lambda each: each[1].path.count("{"))


@cache
def _registry() -> Registry[Any]:
    return Registry().with_resource(_DOCUMENT, Resource(published.openapi(), DRAFT202012))


def _faults(schema: Mapping[str, Any], value: Any, where: str) -> list[str]:
    validator = OAS30Validator(_absolute(schema), registry=_registry())
    return [
        f"{where}{''.join(f'[{part!r}]' for part in each.path)}: {_brief(each.message)}"
        for each in _some(validator, value)
    ]


def _brief(message: str) -> str:
    """A message whose end, which says what is wrong, is kept; what is wrong may be long."""
    return message if len(message) <= 300 else f"{message[:100]} … {message[-200:]}"


def _some(validator: Any, value: Any) -> Iterator[Any]:
    found = (error for error in validator.iter_errors(value) if not _is_no_fault(error))
    return islice(found, 5)


def _is_no_fault(error: Any) -> bool:
    """Two faults of the description itself, which GitHub's own answers have as well."""
    # Lists of words that may be null have no null among the words.
    if error.validator == "enum" and error.instance is None and bool(error.schema.get("nullable")):
        return True
    # An account in the list of installations is a user and an enterprise; in a single one it is either.
    return error.schema.get("title") == "Enterprise" and "allOf" in error.absolute_schema_path


def _absolute(schema: Any) -> Any:
    """A schema whose references say in which document they are."""
    if isinstance(schema, Mapping):
        return {name: _absolute(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_absolute(each) for each in schema]
    # Not only `$ref` has them: the `mapping` of a discriminator as well.
    return f"{_DOCUMENT}{schema}" if isinstance(schema, str) and schema.startswith("#/components/") else schema


def _resolved(node: Any) -> Any:
    """A node, or what it refers to."""
    while isinstance(node, Mapping) and "$ref" in node:
        found: Any = published.openapi()
        for part in str(node["$ref"]).removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _as_typed(value: str, schema: Mapping[str, Any]) -> Any:
    """A parameter of a query, as the type that it has."""
    kind = _resolved(schema).get("type")
    if kind == "integer" and value.lstrip("-").isdigit():
        return int(value)
    return {"true": True, "false": False}.get(value, value) if kind == "boolean" else value
