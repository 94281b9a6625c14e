"""What is answered: a reply, or a refusal that is raised on the way to one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Reply:
    """An answer. `body` is sent as JSON; as it is where it is text (with the content type among the headers)."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818  it is an answer
    """An answer that is no."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})

    def reply(self, documentation: str = "https://docs.github.com/rest") -> Reply:
        """The refusal in the form that GitHub's have."""
        said = {"message": str(self), "documentation_url": documentation, "status": str(self.status)}
        return Reply(self.status, said, self.headers)
