"""What a plugin is asked for when what nobody needs any more is removed, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.values import Options, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyRequest:
    """Remove what nobody needs any more of what a recipe's releases left.

    :param gone: releases that nobody can go back to. More of them may be named than are still there.
    :param kept: all other releases that the builder published. What is part of one of them is not to be touched.
    """

    options: Options
    gone: Sequence[Release]
    kept: Sequence[Release] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Freed:
    """What was removed: how many images or artifacts, and their bytes as far as that is known."""

    count: int = 0
    bytes: int = 0
