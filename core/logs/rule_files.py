"""Log rules as files, JSON and CSV: to carry them from one deployer to another, or to a spreadsheet and back. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from core.errors import ConfigurationError
from core.logs.rule_faults import faults
from core.values import LogRule

#: Bytes of a file, and rules in it, that are accepted.
LARGEST, MOST = 1 << 20, 1000
FORMATS = ("json", "csv")
_FIELDS = ("name", "pattern", "report", "score", "enabled", "example")

#: A rule, and whether it is enabled.
Entry = tuple[LogRule, bool]


class _Record(BaseModel):
    """A rule as a file has it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    pattern: str
    report: str
    score: int = 50
    enabled: bool = True
    example: str = ""


_RECORDS = TypeAdapter(list[_Record])


def write(entries: Sequence[Entry], format: str) -> str:
    """A file of rules.

    :param format: one of `FORMATS`.
    """
    records = [{**{name: getattr(rule, name, None) for name in _FIELDS}, "enabled": on} for rule, on in entries]
    if format == "json":
        return json.dumps(records, indent=2, ensure_ascii=False) + "\n"
    out = io.StringIO()
    writer = csv.DictWriter(out, _FIELDS)
    writer.writeheader()
    writer.writerows({**each, "enabled": "yes" if each["enabled"] else "no"} for each in records)
    return out.getvalue()


def read(text: str) -> list[Entry]:
    """Read a file of rules, whichever format it has.

    :raises ConfigurationError: says everything that is wrong, each with the rule that it is about, on a line each.
    """
    if len(text.encode()) > LARGEST:
        raise ConfigurationError(f"The file is larger than {LARGEST >> 20} MB.")
    records = _records(_from_json(text) if text.lstrip().startswith(("[", "{")) else _from_csv(text))
    entries = [(LogRule(**each.model_dump(exclude={"enabled"})), each.enabled) for each in records]
    if found := list(_faults([rule for rule, _ in entries])):
        raise ConfigurationError("\n".join(found))
    return entries


def _from_json(text: str) -> Any:
    try:
        data = json.loads(text)
        # An escape may stand for half of a character, which can be neither kept nor shown.
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ConfigurationError("It has half of a character.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"It is no JSON: {error}.") from None
    return data


def _from_csv(text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        rows = [{name: value for name, value in row.items() if value not in (None, "")} for row in reader]
    except csv.Error as error:
        raise ConfigurationError(f"It is no CSV: {error}.") from None
    if not {"name", "pattern", "report"} <= set(reader.fieldnames or ()):
        raise ConfigurationError(f"The first line has to name the columns: {', '.join(_FIELDS)}.")
    return rows


def _records(data: Any) -> list[_Record]:
    try:
        records = _RECORDS.validate_python(data)
    except ValidationError as error:
        raise ConfigurationError("\n".join(map(_told, error.errors()))) from None
    if len(records) > MOST:
        raise ConfigurationError(f"There are more than {MOST} rules in it.")
    return records


def _told(error: Any) -> str:
    match error["loc"]:
        case (int(number), *rest):
            return f"Rule {number + 1}, {'.'.join(map(str, rest)) or 'as a whole'}: {error['msg']}."
        case _:
            return f"It has to be a list of rules: {error['msg']}."


def _faults(values: Sequence[LogRule]) -> Iterator[str]:
    seen = set()
    for rule in values:
        for field, fault in faults(rule):
            yield f"{rule.name or 'a rule without a name'}, {field}: {fault}"
        if rule.name in seen:
            yield f"{rule.name}: it is there twice."
        seen.add(rule.name)
