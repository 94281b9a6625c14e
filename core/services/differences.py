"""What changed in a row, in words for its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Model


def told(name: str, old: Model, new: Model) -> str:
    """Say what changed. Of options only the names: a value may be a secret, and everybody reads this."""
    before, after = getattr(old, name), getattr(new, name)
    if isinstance(before, dict) and isinstance(after, dict):
        return f"{name}: {', '.join(_differing(before, after))}"
    return name if isinstance(before, list) else f"{name}: {_shown(name, old)} → {_shown(name, new)}"


def _shown(name: str, row: Model) -> object:
    display = getattr(row, f"get_{name}_display", None)
    return display() if display else getattr(row, name)


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*before, *after}):
        if key not in before or key not in after or before[key] != after[key]:
            yield key
