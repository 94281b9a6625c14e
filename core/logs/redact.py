"""Taking secrets out of a stream of bytes, by value, however it is cut. Pure."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

#: Secrets shorter than this are left: replacing every `a` would destroy the log and hide nothing.
SHORTEST = 4
MASK = b"[secret]"


class Redactor:
    """Replaces secrets in what is fed to it. It holds back only what may be the beginning of one."""

    def __init__(self) -> None:
        self._secrets: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None
        self._held = b""

    def add(self, secret: str) -> None:
        """Replace this value from now on, and the forms in which it usually leaks: base64 and URL-quoted."""
        value = secret.strip().encode()
        if len(value) < SHORTEST:
            return
        forms = {value, base64.b64encode(value), quote(secret.strip(), safe="").encode()}
        self._secrets |= forms
        # The longest first: of two secrets that begin alike, the whole of the longer one has to go.
        longest_first = sorted(self._secrets, key=lambda form: (-len(form), form))
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def feed(self, data: bytes) -> bytes:
        """What can be shown of all that was fed and not shown yet."""
        if self._pattern is None:
            return data
        data = self._held + data
        shown, start = [], 0
        for match in self._pattern.finditer(data):
            if self._may_grow(data, match.start(), match.end()):
                break
            shown += [data[start : match.start()], MASK]
            start = match.end()
        cut = self._first_open(data, start)
        shown.append(data[start:cut])
        self._held = data[cut:]
        return b"".join(shown)

    def flush(self) -> bytes:
        """What was held back: nothing follows that could make a secret of it."""
        held, self._held = self._held, b""
        return self._pattern.sub(MASK, held) if self._pattern else held

    def _may_grow(self, data: bytes, start: int, end: int) -> bool:
        """Whether a match reaches the end of the data and is the beginning of a longer secret."""
        tail = data[start:]
        return any(len(secret) > len(tail) and secret.startswith(tail) for secret in self._secrets) if end else False

    def _first_open(self, data: bytes, start: int) -> int:
        """The first place from which the rest of the data is the beginning of a secret."""
        longest = max(map(len, self._secrets))
        for place in range(max(start, len(data) - longest + 1), len(data)):
            tail = data[place:]
            if any(secret.startswith(tail) for secret in self._secrets):
                return place
        return len(data)
