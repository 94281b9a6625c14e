"""Webhooks of GitHub."""

from __future__ import annotations

from collections.abc import Mapping

from core.api import Delivery


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a webhook."""
    raise ValueError("webhooks of GitHub are not read yet")
