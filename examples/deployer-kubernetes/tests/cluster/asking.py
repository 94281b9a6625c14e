"""Plain requests to an API server, for tests and for the recorder."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

#: What a change is of.
_KINDS = {"PATCH": "application/strategic-merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    kind: str
    text: str


class Asker:
    """Asks an API server. `authority`: the file with its certificate."""

    def __init__(self, address: str, authority: Path) -> None:
        self._address = address
        self._authority = authority

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._authority))

    def ask(self, token: str, method: str, path: str, body: Any = None) -> Answer:
        """Ask, whatever the answer is.

        :raises OSError: there is none.
        """
        request = urllib.request.Request(
            self._address + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={"Authorization": f"Bearer {token}", "Content-Type": _KINDS.get(method, "application/json")},
        )
        try:
            with urllib.request.urlopen(request, context=self._context, timeout=30) as answer:
                return Answer(answer.status, answer.headers["Content-Type"], answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers["Content-Type"], error.read().decode())

    def do(self, token: str, method: str, path: str, body: Any = None) -> Any:
        """Ask for something that has to succeed; the answer's content.

        :raises AssertionError: it was refused.
        """
        answer = self.ask(token, method, path, body)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.text}"
        return json.loads(answer.text)
