"""Go on with a service that was paused."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from core.errors import RefusedError
from core.management.acting import ServiceCommand
from core.models import Hold, Service
from core.services import holds
from core.states import HoldKind


class Command(ServiceCommand):
    help = "Lift the pause of a service: it follows its branch again."

    def act_on(self, service: Service, user: User, *, reason: str = "", **_: Any) -> str:
        try:
            holds.lift(holds.of_service(service, HoldKind.PAUSE), user, reason=reason)
        except Hold.DoesNotExist:
            raise RefusedError(f"{service} is not paused") from None
        return f"{service} follows {service.target.branch} again."
