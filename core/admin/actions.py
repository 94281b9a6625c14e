"""Actions on rows that a person ticked in a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.auth.models import User
from django.http import HttpRequest

from core.admin.generic import ModelAdmin, person
from core.errors import RefusedError


class ReasonForm(ActionForm):
    """Asks why, beside the choice of the action."""

    reason = forms.CharField(required=False, label="Reason", max_length=500)


class Verb(Protocol):
    """Something that a person does to a row (`core.services`)."""

    def __call__(self, row: Any, user: User, /, *, reason: str) -> object: ...


def do_to_each(admin: ModelAdmin, request: HttpRequest, rows: Iterable[Any], verb: Verb, done: str) -> None:
    """Do something to each row, for who asks. What is refused is told, and the others go on.

    :param done: what was done, for the message: `approved`.
    """
    reason = request.POST.get("reason", "").replace("\0", "").strip()
    told = []
    for row in rows:
        try:
            verb(row, person(request), reason=reason)
            told.append(str(row))
        except RefusedError as error:
            admin.message_user(request, f"{error}.", messages.ERROR)
    if told:
        admin.message_user(request, f"{len(told)} {done}: {', '.join(told[:10])}{' …' if told[10:] else ''}")
