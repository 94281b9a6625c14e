"""The API as one person has it, over the whole stack of Django."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client


class Api:
    """Takes paths without `/api/`, and bodies as values."""

    def __init__(self, user: User | None = None, **client: Any) -> None:
        self.user = user
        self.client = Client(**client)
        if user:
            self.client.force_login(user)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/{path}", query)

    def post(self, path: str, **body: Any) -> Any:
        return self.client.post(f"/api/{path}", body, content_type="application/json")
