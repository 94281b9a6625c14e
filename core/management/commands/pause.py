"""Pause a service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core import clock
from core.management.acting import ServiceCommand, add_length
from core.models import Service
from core.services import holds


class Command(ServiceCommand):
    help = (
        "Have a service follow its branch no further until `unpause`, or for a time. Builds and releases go on, and so "
        "do rollbacks and redeployments that somebody asks for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_length(parser)

    def act_on(self, service: Service, user: User, *, reason: str = "", time: timedelta | None = None, **_: Any) -> str:
        hold = holds.pause(service, user, reason=reason, until=clock.now() + time if time else None)
        return f"{service}: {hold.sentence}"
