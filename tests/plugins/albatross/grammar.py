"""Albatross's messages by another implementation than ours: asn1tools, from the grammar in `grammar.asn`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asn1tools

_GRAMMAR = asn1tools.compile_files(str(Path(__file__).with_name("grammar.asn")), "der")
VERSION = 5


def command(extension: bytes) -> tuple[str, Any]:
    """The command in a certificate's extension: what it is about, and what it says."""
    told = _GRAMMAR.decode("CertExtension", extension, check_constraints=True)
    assert told["version"] == VERSION
    about, what = told["command"]
    return str(about), what


def wire(name: str, payload: tuple[str, Any]) -> bytes:
    """A message from an endpoint."""
    header = {"version": VERSION, "sequence": b"\0" * 8, "name": name}
    return bytes(_GRAMMAR.encode("Wire", {"header": header, "payload": payload}))


def encode(kind: str, value: Any) -> bytes:
    """Anything that the grammar has."""
    return bytes(_GRAMMAR.encode(kind, value))
